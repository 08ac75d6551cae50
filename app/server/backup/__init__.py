"""A site into a backup and out of it: the formats of app/backup wired to database, data folder and record.

files.py    what of a data folder goes along
write.py    a backup of a site that may be serving
opening.py  who signed a backup
restore.py  a site out of a backup, declared to its record
filling.py  its new files and tables, before anything is replaced
place.py    a restored data folder put in its place: the old one or the new one, never half
scratch.py  a backup in a scratch folder, for drills
schedule.py backups by the clock
looking.py  backups as API and console see them
standing.py what doctor and status say of backups
"""
