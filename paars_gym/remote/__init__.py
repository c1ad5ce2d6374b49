"""Places that are no path of this machine: any URL that fsspec opens, such as ``s3://bucket/run`` or ``gs://…``.

What is read is copied into the cache first, and everything works on that copy. What is written is made in a local
folder, and then sent in whole files, of which those that make the others visible come last. Nothing is ever appended.
"""

from paars_gym.remote.copying import local_copy
from paars_gym.remote.errors import RemoteError
from paars_gym.remote.place import child, is_remote, named, on_this_machine, url_of
from paars_gym.remote.sending import check_writable, list_files, put_file, put_folder, remove

__all__ = [
    "RemoteError",
    "check_writable",
    "child",
    "is_remote",
    "list_files",
    "local_copy",
    "named",
    "on_this_machine",
    "put_file",
    "put_folder",
    "remove",
    "url_of",
]
