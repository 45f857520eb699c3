"""The emulator as a process: started, checked, served and taken down again."""
