# layers - src/LAYERS holds.
tools/layers.py
