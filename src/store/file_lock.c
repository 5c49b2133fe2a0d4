/*-------------------------------------------------------------------------
 *
 * file_lock.c
 *	  Locks on files, with a substitute for file systems that have no locks.
 *
 * Processes lock files of the snapshot directory with flock().  The kernel
 * releases such a lock when its holder exits, and other servers that share the
 * directory see it.
 *
 * Some file systems have no flock(), for instance NFS without its lock daemon.
 * There, a process locks a byte of a file in the data directory instead, with
 * an fcntl() lock on the open file description.  The byte's position is a hash
 * of device and inode of the file to lock.  The kernel releases this lock as
 * well, but only this server sees it: no other server may use the snapshot
 * directory then, and snapshot_status() says so.
 *
 * The choice must not change while a process holds a lock.  The server decides
 * once for each directory (see state_set_file_system).
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "common/hashfn.h"
#include "storage/fd.h"

#include "shmem/shared_state.h"
#include "store/file_lock.h"

/* An empty file in the data directory. */
#define LOCKS_FILE	"snapshot_worker.locks"

/* Maximum number of locks of one process. */
#define MAX_LOCKS	32

/* For each file locked by its byte: its descriptor, and that of the lock. */
static struct
{
	int			fd;
	int			local_fd;
}			local_locks[MAX_LOCKS];
static int	nlocal_locks = 0;

/* Can this server lock files on file systems that have no locks? */
bool
file_lock_can_be_local(void)
{
#ifdef F_OFD_SETLK
	return true;
#else
	return false;
#endif
}

/* Lock the byte that stands for a file.  Returns a descriptor, or -1. */
static int
lock_byte(const struct stat *st, int operation)
{
#ifdef F_OFD_SETLK
	uint64		key[2] = {(uint64) st->st_dev, (uint64) st->st_ino};
	struct flock lock = {0};
	int			fd;

	lock.l_type = (operation & LOCK_EX) != 0 ? F_WRLCK : F_RDLCK;
	lock.l_whence = SEEK_SET;
	lock.l_start = (off_t) (hash_bytes_extended((unsigned char *) key,
												sizeof(key), 0) >> 2);
	lock.l_len = 1;
	fd = BasicOpenFilePerm(LOCKS_FILE, O_RDWR | O_CREAT | O_NOFOLLOW |
						   PG_BINARY, pg_file_create_mode);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) != 0)
	{
		int			save_errno = errno == EACCES ? EWOULDBLOCK : errno;

		(void) close(fd);		/* nothing was written */
		errno = save_errno;
		return -1;
	}
	return fd;
#else
	errno = ENOLCK;
	return -1;
#endif
}

/*
 * Lock an open file (LOCK_SH or LOCK_EX) without waiting, until
 * file_lock_close().  Returns 0, or -1 with errno, which is EWOULDBLOCK if
 * another process holds a conflicting lock.  Raises no error.
 */
int
file_lock_take(int fd, int operation)
{
	struct stat st;
	int			local_fd;

	if (!state_locks_are_local())
		return flock(fd, operation | LOCK_NB);
	if (fstat(fd, &st) != 0)
		return -1;
	file_lock_drop(fd);			/* left by a closed descriptor */
	if (nlocal_locks == MAX_LOCKS)
	{
		errno = ENOLCK;
		return -1;
	}
	local_fd = lock_byte(&st, operation);
	if (local_fd < 0)
		return -1;
	local_locks[nlocal_locks].fd = fd;
	local_locks[nlocal_locks].local_fd = local_fd;
	nlocal_locks++;
	return 0;
}

/* Release the lock that stands for a file in the data directory, if any. */
void
file_lock_drop(int fd)
{
	for (int i = 0; i < nlocal_locks; i++)
	{
		if (local_locks[i].fd == fd)
		{
			(void) close(local_locks[i].local_fd);	/* only locked */
			local_locks[i] = local_locks[--nlocal_locks];
			return;
		}
	}
}

/*
 * Close a file and release its lock.  The lock goes last, because the file may
 * be renamed until it is closed.
 */
void
file_lock_close(int fd)
{
	(void) close(fd);			/* synced, or nothing was written */
	file_lock_drop(fd);
}
