/* exec.c: a command that answers a text. */
#include "tools/load/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/bytes.h"

#define OUTPUT_MAX (1u << 20)

extern char **environ;

struct exec {
	pid_t pid;
	int out; /* our end of what it says */
	struct watch *watch;
	struct bytes said;
	exec_done *done;
	void *arg;
};

static void tell(struct exec *e, const char *failed)
{
	exec_done *done = e->done;
	char *text = failed ? NULL : mem_span_dup(bytes_view(&e->said));

	e->done = NULL;
	loop_unwatch(e->watch);
	e->watch = NULL;
	done(e->arg, text, text ? NULL : failed ? failed : "out of memory");
	mem_free(text);
}

static bool has_empty_line(struct span s)
{
	while (s.len > 0) {
		bool is_whole = memchr(s.p, '\n', s.len) != NULL;
		struct span line = span_cut(&s, '\n');

		if (is_whole && span_trim(line).len == 0)
			return true;
	}
	return false;
}

static void on_output(void *arg, tick_t now)
{
	struct exec *e = arg;
	uint8_t buf[4096];
	ssize_t n = read(e->out, buf, sizeof(buf));

	(void)now;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && !bytes_append(&e->said, SPAN(buf, (size_t)n)))
		tell(e, "the command says too much");
	else if (n <= 0 && e->said.len == 0)
		tell(e, "the command said nothing");
	else if (n <= 0 || has_empty_line(bytes_view(&e->said)))
		tell(e, NULL);
}

/* In a group of its own, so that what it starts ends with it. */
static bool spawn(struct exec *e, const char *command, int its_in, int its_out)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *words = mem_strdup(command), *argv[] = { shell, option, words, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failed;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, its_in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, its_out, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all); /* we ignore SIGTERM, it must not */
	failed = words ? posix_spawn(&e->pid, shell, &actions, &attributes, argv, environ) : ENOMEM;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	mem_free(words);
	return failed == 0;
}

static bool write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	/* a pipe that is empty takes 64 KiB at once: more than any session description */
	return write(fd, text, len) == (ssize_t)len ||
	       errno == EPIPE; /* it does not want to know */
}

static bool begin(struct exec *e, const char *command, const char *input)
{
	int to[2] = { -1, -1 }, from[2] = { -1, -1 };
	bool ok;

	if (pipe2(to, O_CLOEXEC) != 0)
		return false;
	ok = pipe2(from, O_CLOEXEC) == 0 && spawn(e, command, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	e->out = from[0];
	ok = ok && fcntl(to[1], F_SETFL, O_NONBLOCK) == 0 &&
	     fcntl(e->out, F_SETFL, O_NONBLOCK) == 0 && write_all(to[1], input);
	close(to[1]);
	return ok;
}

struct exec *exec_start(
	struct loop *l, const char *command, const char *input, exec_done *done, void *arg)
{
	struct exec *e = mem_zalloc(sizeof(*e));

	if (e == NULL)
		return NULL;
	*e = (struct exec){ .out = -1, .said.limit = OUTPUT_MAX, .done = done, .arg = arg };
	if (begin(e, command, input) && (e->watch = loop_watch(l, e->out, on_output, e)) != NULL)
		return e;
	exec_stop(e);
	return NULL;
}

void exec_stop(struct exec *e)
{
	if (e == NULL)
		return;
	if (e->watch != NULL)
		loop_unwatch(e->watch);
	if (e->out >= 0)
		close(e->out);
	if (e->pid > 0)
		kill(-e->pid, SIGTERM);
	bytes_finish(&e->said);
	mem_free(e);
}
