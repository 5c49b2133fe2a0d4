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

#include "common/hashfn.h"

#include "shmem/shared_state.h"
#include "store/file_lock.h"
#include "util/files.h"

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
	fd = files_open_long(LOCKS_FILE, O_RDWR | O_CREAT);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) != 0)
	{
		if (errno == EACCES)
			errno = EWOULDBLOCK;
		files_close_long(fd);
		return -1;
	}
	return fd;
#else
	errno = ENOLCK;
	return -1;
#endif
}

/* Release the lock that stands for a file in the data directory, if any. */
static void
drop_local_lock(int fd)
{
	for (int i = 0; i < nlocal_locks; i++)
	{
		if (local_locks[i].fd == fd)
		{
			files_close_long(local_locks[i].local_fd);
			local_locks[i] = local_locks[--nlocal_locks];
			return;
		}
	}
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
	drop_local_lock(fd);		/* left by a closed descriptor */
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

/*
 * Open or create a file and lock it without waiting.  Returns a descriptor for
 * file_lock_close(), or -1 with errno, which is EWOULDBLOCK if another process
 * holds a conflicting lock.  Raises no error.
 */
int
file_lock_open(const char *path, int flags, int operation)
{
	int			fd = files_open_long(path, flags);

	if (fd >= 0 && file_lock_take(fd, operation) != 0)
	{
		files_close_long(fd);
		return -1;
	}
	return fd;
}

/*
 * Close a file that files_open_long() opened, and release its lock.  The lock
 * goes last, because the file may be renamed until it is closed.  Leaves errno
 * alone.
 */
void
file_lock_close(int fd)
{
	int			save_errno = errno;

	files_close_long(fd);
	drop_local_lock(fd);
	errno = save_errno;
}
