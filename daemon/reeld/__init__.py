"""reeld keeps a catalogue of the films and series on your disks that is always true.

Start reading at `reeld/pipeline/stages.py`: it lists what happens to one file, in order.
"""

__version__ = "0.1.0"
