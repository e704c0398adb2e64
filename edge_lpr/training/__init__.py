"""Synthesis of plates and scenes, and training of the two networks.

The modules that draw need numpy, OpenCV and PIL; only the nets, the loop and the export import torch. Importing this
package imports neither.
"""
