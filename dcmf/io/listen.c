/* listen.c: sockets that listen, with a sentence about what stood in the way. */
#include "dcmf/io/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, FAILED = 256 };

static int give_up(int fd, char failed[FAILED], const char *what, const char *culprit)
{
	snprintf(failed, FAILED, "%s %s: %s", what, culprit, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int listen_tcp(const struct addr *at, char failed[FAILED])
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	char text[ADDR_TEXT_MAX];
	int fd, on = 1;

	addr_text(at, text);
	if ((fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return give_up(fd, failed, "cannot make a socket for", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->family == ADDR_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) != 0)
		return give_up(fd, failed, "cannot bind to", text);
	if (listen(fd, BACKLOG) != 0)
		return give_up(fd, failed, "cannot listen on", text);
	return fd;
}

static void make_folder(const char *path)
{
	struct sockaddr_un un;
	char folder[sizeof(un.sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	if ((slash = strrchr(folder, '/')) == NULL || slash == folder)
		return;
	*slash = '\0';
	mkdir(folder, 0755); /* where that fails, binding tells why */
}

static bool somebody_listens(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answers;

	if (fd < 0)
		return true; /* cannot tell: better not to take it away */
	answers =
		connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno != ECONNREFUSED;
	close(fd);
	return answers;
}

/* Is the path free now, or was it freed? */
static bool clear_path(const struct sockaddr_un *un, char failed[FAILED])
{
	struct stat st;

	if (lstat(un->sun_path, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(failed, FAILED, "%s exists and is not a socket", un->sun_path);
		return false;
	}
	if (somebody_listens(un)) {
		snprintf(failed, FAILED, "%s is in use: another process listens there",
			un->sun_path);
		return false;
	}
	if (unlink(un->sun_path) != 0) {
		give_up(-1, failed, "cannot remove the stale socket", un->sun_path);
		return false;
	}
	return true;
}

int listen_unix(const char *path, mode_t mode, char failed[FAILED])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	mode_t old;
	int fd, bound;

	if (path[0] == '\0' || strlen(path) >= sizeof(un.sun_path)) {
		snprintf(failed, FAILED,
			"socket path %.100s is empty or longer than %zu characters", path,
			sizeof(un.sun_path) - 1);
		return -1;
	}
	strcpy(un.sun_path, path);
	make_folder(path);
	if (!clear_path(&un, failed))
		return -1;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return give_up(fd, failed, "cannot make a socket for", path);
	old = umask(~mode & 0777); /* never wider than asked for, not even for a moment */
	bound = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(old);
	if (bound != 0)
		return give_up(fd, failed, "cannot bind to", path);
	if (chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0)
		return give_up(fd, failed, "cannot listen on", path);
	return fd;
}
