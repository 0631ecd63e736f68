"""``emberwatch bench``: what this machine carries, measured against its own limits.

Each figure is compared with others of the same run: the decoder alone, the engine alone, the naive
loop. What is compared is measured turn by turn, so that a machine that is busy for a while is busy
for all of them.
"""
