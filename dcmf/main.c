/* main.c: the command line of dcmf. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dcmf/front/check.h"
#include "dcmf/front/front.h"
#include "dcmf/worker/worker.h"

static const char usage[] =
	"usage: dcmf [-c FILE] [--check]\n"
	"       dcmf --version | --help\n"
	"\n"
	"The Media Function of IMS data channels. It runs in the foreground and logs to standard "
	"error.\n"
	"\n"
	"  -c, --config FILE  configuration; without it: loopback media, embedded DCSF, one worker "
	"a core\n"
	"      --check        say whether the gateway would start with this configuration, and "
	"exit\n"
	"      --version      version of dcmf and of the libraries it was built with\n"
	"      --help         this text\n"
	"\n"
	"Signals: TERM and INT drain and stop, a second one stops at once; HUP reloads "
	"configuration and certificates.\n";

static const char version[] =
	"dcmf " DCMF_VERSION "\n"
	"built with OpenSSL " VERSION_OPENSSL ", usrsctp " VERSION_USRSCTP ", libnice " VERSION_NICE
	", libevent " VERSION_EVENT ",\n"
	"libcurl " VERSION_CURL ", nghttp2 " VERSION_NGHTTP2 ", jansson " VERSION_JANSSON
	", libjwt " VERSION_JWT ", libyaml " VERSION_YAML ", allocator " VERSION_ALLOCATOR "\n";

enum { OPTION_CHECK = 256, OPTION_VERSION, OPTION_HELP };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* A descriptor a media: as many as we are allowed. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int check(struct config *config, const char *path)
{
	unsigned errors = check_config(config);

	printf("%s: %s\n", path != NULL ? path : "the embedded defaults",
		errors == 0 ? "ok" : "cannot be started with");
	config_finish(config);
	return errors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const char *path, bool check_only)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;

	if (!config_load(path, &config, error)) {
		fprintf(stderr, "dcmf: %s\n", error);
		return EXIT_FAILURE;
	}
	if (check_only)
		return check(&config, path);
	raise_descriptor_limit();
	return front_run(&config, path);
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool check_only = false;
	int option;

	/* how the front starts its workers; not for people */
	if (argc == 4 && strcmp(argv[1], "--worker") == 0)
		return worker_main(atoi(argv[2]), atoi(argv[3]));
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c': path = optarg; break;
		case OPTION_CHECK: check_only = true; break;
		case OPTION_VERSION: fputs(version, stdout); return EXIT_SUCCESS;
		case OPTION_HELP: fputs(usage, stdout); return EXIT_SUCCESS;
		default: fputs(usage, stderr); return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "dcmf: \"%s\" is not understood\n%s", argv[optind], usage);
		return 2;
	}
	return run(path, check_only);
}
