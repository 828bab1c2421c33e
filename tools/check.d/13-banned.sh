# banned - nothing of tools/banned.txt is called.
tools/check_banned.py
