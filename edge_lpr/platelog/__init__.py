"""The plate log: every decision, command outcome and event of the gate in SQLite, pictures beside it."""
