/*
 * single_thread.h: usrsctp for a process that runs it in one thread (usrsctp_init_nothreads): its locks do nothing, its atomic
 * additions are plain ones. tools/rebuild-usrsctp includes it before everything else of the stack.
 */
#pragma once

#include <pthread.h>

static inline int no_lock(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

#define pthread_mutex_lock(mutex)    no_lock(mutex)
#define pthread_mutex_unlock(mutex)  no_lock(mutex)
#define pthread_mutex_trylock(mutex) no_lock(mutex)

#define __sync_fetch_and_add(at, n)                       \
	__extension__({                                   \
		__typeof__(at) at_ = (at);                \
		__typeof__(*at_) before_ = *at_;          \
                                                          \
		*at_ = (__typeof__(*at_))(before_ + (n)); \
		before_;                                  \
	})
#define __sync_fetch_and_sub(at, n) __sync_fetch_and_add(at, -(n))
