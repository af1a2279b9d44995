/* main.c: dcmf-dcsf, the embedded DCSF: options, start, signals. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dcmf/base/log.h"
#include "tools/dcsf/server.h"
#include "tools/dcsf/target.h"

enum { SYNTHETIC_MAX = 16 };

static const char usage[] =
	"Usage: dcmf-dcsf [OPTION]...\n"
	"Serves application lists and application packages to phones, as a DCSF does at MDC1.\n"
	"\n"
	"  --listen ADDR:PORT       default 127.0.0.1:8080; port 0: the system chooses\n"
	"  --apps DIR               folder of applications; default: the two that come along\n"
	"  --synthetic ID:BYTES     a generated package for load tests; more than once if you "
	"like\n"
	"  --certificate FILE       with --key: HTTPS\n"
	"  --key FILE\n"
	"  --require-client-ca FILE only clients with a certificate from there\n"
	"  --ready-fd N             write the base URL and a line end to N when listening\n"
	"  --exit-with-parent       end when the process that started this one ends\n"
	"  --log-level LEVEL        error, warn, info or debug; --verbose is debug: a line a "
	"request\n"
	"  --log-format FORMAT      text or json\n"
	"  --version, --help\n"
	"\n"
	"Pages: /  /applicationlist?begin-index=..&app-num=..  /applications?appid=..  /echo "
	"(POST),\n"
	"each also below a subscriber's root: /alice/, /sub/alice/applicationlist, ...\n"
	"SIGHUP reads applications and certificates again.\n";

struct options {
	struct addr listen;
	const char *apps, *certificate, *key, *client_ca;
	char *synthetic[SYNTHETIC_MAX]; /* "ID:BYTES" */
	unsigned synthetics;
	int ready_fd; /* -1: nobody waits */
	bool exit_with_parent;
};

struct program {
	struct loop *loop;
	struct options options;
	struct server *server;
};

static char built_apps[4096]; /* beside the program, where it was built */

/* Installed, or straight from where it was built. */
static const char *default_apps(void)
{
	char self[3072] = "";
	char *slash;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 &&
		(slash = strrchr(self, '/')) != NULL) {
		*slash = '\0';
		snprintf(built_apps, sizeof(built_apps), "%s/apps", self);
		if (access(built_apps, R_OK) == 0)
			return built_apps;
	}
	return DCSF_APPS;
}

static int wrong_use(const char *what, const char *text)
{
	fprintf(stderr, "dcmf-dcsf: %s: %s\nTry dcmf-dcsf --help.\n", what, text);
	return 2;
}

/* -1: go on. Otherwise the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "apps", required_argument, NULL, 'a' },
		{ "synthetic", required_argument, NULL, 's' },
		{ "certificate", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "require-client-ca", required_argument, NULL, 'r' },
		{ "ready-fd", required_argument, NULL, 'f' },
		{ "exit-with-parent", no_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "log-level", required_argument, NULL, 'L' },
		{ "log-format", required_argument, NULL, 'F' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum log_level level;
	uint64_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'l':
			if (!addr_parse(SPAN_STR(optarg), &o->listen))
				return wrong_use("--listen wants ADDRESS:PORT, not", optarg);
			break;
		case 'a': o->apps = optarg; break;
		case 's':
			if (o->synthetics == SYNTHETIC_MAX)
				return wrong_use("too many --synthetic", optarg);
			o->synthetic[o->synthetics++] = optarg;
			break;
		case 'c': o->certificate = optarg; break;
		case 'k': o->key = optarg; break;
		case 'r': o->client_ca = optarg; break;
		case 'f':
			if (!span_to_u64(SPAN_STR(optarg), 65535, &n))
				return wrong_use("--ready-fd wants a number, not", optarg);
			o->ready_fd = (int)n;
			break;
		case 'p': o->exit_with_parent = true; break;
		case 'v': log_set_level(LOG_DEBUG); break;
		case 'L':
			if (!log_level_parse(optarg, &level))
				return wrong_use("--log-level wants another word than", optarg);
			log_set_level(level);
			break;
		case 'F':
			if (strcmp(optarg, "text") != 0 && strcmp(optarg, "json") != 0)
				return wrong_use("--log-format wants text or json, not", optarg);
			log_open(stderr, optarg[0] == 'j');
			break;
		case 'V': puts("dcmf-dcsf " DCMF_VERSION); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: return 2;
		}
	}
	if (optind < argc)
		return wrong_use("unexpected argument", argv[optind]);
	if ((o->certificate == NULL) != (o->key == NULL))
		return wrong_use("go together", "--certificate and --key");
	if (o->client_ca != NULL && o->certificate == NULL)
		return wrong_use("needs --certificate and --key", "--require-client-ca");
	return -1;
}

static bool add_synthetic(struct catalog *c, const char *wish, char failed[256])
{
	struct span rest = SPAN_STR(wish), id = span_cut(&rest, ':');
	char name[TARGET_NAME_MAX + 1] = "";
	uint64_t size;

	if (id.len <= TARGET_NAME_MAX)
		memcpy(name, id.p, id.len);
	if (!target_is_name(name) || !span_to_u64(rest, 1 << 30, &size)) {
		snprintf(failed, 256, "--synthetic wants ID:BYTES (at most 1 GiB), not %.100s",
			wish);
		return false;
	}
	if (!catalog_add_synthetic(c, name, (size_t)size)) {
		snprintf(failed, 256, "--synthetic %.100s: the id is taken, or memory ran out",
			wish);
		return false;
	}
	return true;
}

static struct catalog *load_catalog(const struct options *o, char failed[256])
{
	struct catalog *c = catalog_load(o->apps, failed);

	for (unsigned i = 0; c != NULL && i < o->synthetics; i++) {
		if (!add_synthetic(c, o->synthetic[i], failed)) {
			catalog_destroy(c);
			return NULL;
		}
	}
	if (c != NULL)
		log_info(NULL, "%zu applications in %s", c->count, o->apps);
	return c;
}

static void on_reload(void *arg, tick_t now)
{
	struct program *p = arg;
	const struct options *o = &p->options;
	struct catalog *c;
	SSL_CTX *tls;
	char failed[256];

	if ((c = load_catalog(o, failed)) != NULL)
		server_set_catalog(p->server, c);
	else
		log_error(NULL, "applications stay as they were: %s", failed);
	if (o->certificate == NULL)
		return;
	if ((tls = server_tls_load(o->certificate, o->key, o->client_ca, failed)) != NULL)
		server_set_tls(p->server, tls);
	else
		log_error(NULL, "certificate stays as it was: %s", failed);
	SSL_CTX_free(tls);
}

static void on_stop(void *arg, tick_t now)
{
	loop_stop(((struct program *)arg)->loop);
}

static void tell_ready(const struct options *o, const struct server *s)
{
	struct addr at = server_address(s);
	char where[ADDR_TEXT_MAX], url[ADDR_TEXT_MAX + 16];
	int len = snprintf(url, sizeof(url), "%s://%s/\n",
		o->certificate != NULL ? "https" : "http", addr_text(&at, where));

	log_info(NULL, "serving %.*s", len - 1, url);
	if (o->ready_fd < 0)
		return;
	if (write(o->ready_fd, url, (size_t)len) != len)
		log_warn(NULL, "--ready-fd %d: %s", o->ready_fd, strerror(errno));
	close(o->ready_fd);
}

static struct server *start(struct program *p, char failed[256])
{
	const struct options *o = &p->options;
	struct catalog *c = load_catalog(o, failed);
	struct server *s;
	SSL_CTX *tls = NULL;

	if (c == NULL)
		return NULL;
	if (o->certificate != NULL &&
		(tls = server_tls_load(o->certificate, o->key, o->client_ca, failed)) == NULL) {
		catalog_destroy(c);
		return NULL;
	}
	s = server_create(p->loop, &o->listen, tls, c, failed);
	SSL_CTX_free(tls);
	return s;
}

static int run(struct program *p)
{
	struct watch *hup, *term, *interrupt;
	char failed[256];

	if ((p->loop = loop_create()) == NULL || (p->server = start(p, failed)) == NULL) {
		log_error(NULL, "%s", p->loop != NULL ? failed : "out of memory");
		loop_destroy(p->loop);
		return 1;
	}
	hup = loop_signal(p->loop, SIGHUP, on_reload, p);
	term = loop_signal(p->loop, SIGTERM, on_stop, p);
	interrupt = loop_signal(p->loop, SIGINT, on_stop, p);
	tell_ready(&p->options, p->server);
	loop_run(p->loop, NULL, NULL);
	loop_unwatch(hup);
	loop_unwatch(term);
	loop_unwatch(interrupt);
	server_destroy(p->server);
	loop_destroy(p->loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct program p = { .options = { .ready_fd = -1 } };
	pid_t parent = getppid();
	int status;

	log_set_who("dcsf");
	addr_parse(SPAN_LIT("127.0.0.1:8080"), &p.options.listen);
	if ((status = parse_options(argc, argv, &p.options)) >= 0)
		return status;
	if (p.options.apps == NULL)
		p.options.apps = default_apps();
	if (p.options.exit_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			return 0; /* it went while we began */
	}
	return run(&p);
}
