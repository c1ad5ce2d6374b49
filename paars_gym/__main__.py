"""``python -m paars_gym`` is the ``paars`` command."""

from paars_gym.cli import main

main()
