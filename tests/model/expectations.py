"""Which differences between catalogue and disk may not be, and which are known and not yet mended?

Every kind of difference that `oracle.py` can find stands here. What is switched off is counted, and shown by the soak,
and fails nothing.
"""

KINDS: dict[str, str] = {
    "damage": "the database is whole",
    "twice": "a path has at most one row",
    "unknown": "what is on the disk is in the catalogue",
    "phantom": "what is not on the disk is not in the catalogue as present",
    "size": "sizes are those of the disk",
    "mtime": "times are those of the disk",
    "sidecar": "subtitles and .nfo files are those of the disk, each with the video that it is called after",
    "hash": "hashes are those of the bytes",
    "hash_put_back": "they are so also where the bytes were written over and the time was put back",
    "unread": "what can be read was read: its hashes, its media facts, its verdict",
    "unread_after_refusal": "that is so also of what could not be read for a while",
    "subtracted": "what cannot be looked at is not called missing",
    "changed_in_the_dark": "no row changes because a library could not be read",
    "changed_below": "no row changes because a disk below a library's root is away",
    "job": "after quiet no work is left, but that of what cannot be looked at",
    "job_after_refusal": "that is so also of what could not be read for a while",
    "question": "each file that is pending has one open question, and no other file has one",
    "identity": "a file that was only renamed stays the same row",
    "identity_taken": "it does so also where something else took its old path meanwhile",
    "identity_over": "it does so also where it was renamed over another file, or swapped with one",
    "identity_after_refusal": "it does so also where its old folder may not be entered at the moment",
    "stolen": "a new file under a new name does not get an old one's row",
    "decision": "no decision is lost, and a renamed file keeps its own",
    "decision_taken": "it does so also where something else took its old path meanwhile",
    "decision_over": "it does so also where it was renamed over another file, or swapped with one",
    "decision_after_refusal": "it does so also where its old folder may not be entered at the moment",
    "decision_by_bytes": "it does so also on another disk, or with another time, where only its bytes tell",
    "decision_spread": "one decision is with one file",
    "fresh": "each file is what a new catalogue of the same disks says that it is",
    "hashed_twice": "what did not change is not hashed again",
}

# Of these nothing better can be said: a file that was moved out of a folder which may not be entered now, or off a disk
# that is away now, may still be there, so that what is seen elsewhere is another file until that can be asked.
SWITCHED_OFF: frozenset[str] = frozenset({"identity_after_refusal", "decision_after_refusal"})
