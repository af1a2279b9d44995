/* udp_kernel.c: the kernel of a machine that cannot send trains, or not to this peer. */
#include "tests/unit/io/udp_kernel.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct udp_kernel kernel;

static bool is_train(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT)
			return true;
	return false;
}

/* Found before the C library's own. */
int sendmmsg(int fd, struct mmsghdr *msg, unsigned n, int flags)
{
	unsigned before = 0;

	kernel.calls++;
	while (kernel.refuse_trains != 0 && before < n && !is_train(&msg[before].msg_hdr))
		before++;
	if (kernel.refuse_trains == 0 || before > 0)
		return (int)syscall(
			SYS_sendmmsg, fd, msg, kernel.refuse_trains ? before : n, flags);
	kernel.refused++;
	errno = kernel.refuse_trains;
	return -1;
}
