/*
 * Clocks for tests, to be preloaded: real time, and the clock that measures
 * delays, each plus an offset in seconds.  The file named by FAKE_CLOCK holds
 * them in this order, as eight bytes each; they can change at any moment.
 *
 * libfaketime cannot be used for this: it stops faking in a process that was
 * forked from a signal handler, as a postmaster up to version 15 does.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offsets;
static int	(*real_clock_gettime) (clockid_t, struct timespec *);

static void begin(void) __attribute__((constructor));

static void
begin(void)
{
	const char *path = getenv("FAKE_CLOCK");
	int			fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void	   *map;

	real_clock_gettime = (int (*) (clockid_t, struct timespec *))
		dlsym(RTLD_NEXT, "clock_gettime");
	if (fd < 0)
		return;
	map = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		offsets = map;
	(void) close(fd);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int			rc = real_clock_gettime(id, ts);

	if (rc == 0 && id == CLOCK_REALTIME && offsets != NULL)
		ts->tv_sec += offsets[0];
	if (rc == 0 && id == CLOCK_MONOTONIC && offsets != NULL)
		ts->tv_sec += offsets[1];
	return rc;
}

int
gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec ts;

	(void) tz;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *result)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return (time_t) -1;
	if (result != NULL)
		*result = ts.tv_sec;
	return ts.tv_sec;
}
