PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE runs (
        id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, after_id INTEGER NOT NULL,
        time_s REAL NOT NULL, time_utc TEXT NOT NULL, clock_synced INTEGER NOT NULL);
CREATE TABLE decisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL,
        arrival_id TEXT NOT NULL, camera TEXT NOT NULL, plate TEXT NOT NULL, confidence REAL NOT NULL,
        alternatives TEXT NOT NULL, frames_used INTEGER NOT NULL, region TEXT NOT NULL, direction TEXT NOT NULL,
        first_seen_s REAL NOT NULL, at_s REAL NOT NULL,
        time_s REAL NOT NULL, time_utc TEXT NOT NULL, clock_synced INTEGER NOT NULL,
        action TEXT NOT NULL, reason TEXT NOT NULL, rule TEXT NOT NULL, matched INTEGER NOT NULL,
        decided_at_s REAL NOT NULL, expires_at_s REAL NOT NULL);
CREATE INDEX decisions_by_plate ON decisions (plate);
CREATE INDEX decisions_by_time ON decisions (time_s);
CREATE TABLE commands (
        decision_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL,
        outcome TEXT, detail TEXT NOT NULL DEFAULT '', at_s REAL, time_utc TEXT);
CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER,
        time_s REAL NOT NULL, time_utc TEXT NOT NULL, clock_synced INTEGER NOT NULL,
        kind TEXT NOT NULL, camera TEXT NOT NULL, detail TEXT NOT NULL);
INSERT INTO runs VALUES(1,'11111111-2222-3333-4444-555555555555',0,1748779200.25,'2025-06-01T12:00:00.250000Z',1);
INSERT INTO decisions VALUES(1,1,'entry-1','entry','5A23456',0.9,'[["5A23458",0.01]]',7,'CZ','approaching',998.5,1000.0,
    1748779200.25,'2025-06-01T12:00:00.250000Z',1,'stay_closed','NOT_LISTED','',0,1000.01,1005.0);
INSERT INTO decisions VALUES(2,1,'entry-2','entry','1AB2345',0.99,'[]',5,'CZ','approaching',1998.5,2000.0,
    1748780200.25,'2025-06-01T12:16:40.250000Z',1,'open','ALLOWED','residents',1,2000.01,2005.0);
INSERT INTO commands VALUES(2,1,NULL,'',NULL,NULL);
INSERT INTO events VALUES(1,1,1748779200.25,'2025-06-01T12:00:00.250000Z',1,'health','entry','camera lost');
PRAGMA user_version = 1;
COMMIT;
