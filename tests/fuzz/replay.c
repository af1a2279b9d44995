/*
 * replay.c: the main() of a fuzz target where there is no libFuzzer: feeds it every file of its
 * corpus, and some damaged copies of each, the same ones every run.
 *
 *     fuzz_x FOLDER-OR-FILE ...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAMAGED_COPIES = 64, INPUT_MAX = 1 << 20 };

static unsigned long inputs;

/* Numerical Recipes' generator: repeatable is all it has to be. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* On a block of its own size, so that the sanitizer sees a read beyond its end. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static void feed_damaged(const uint8_t *data, size_t size)
{
	uint32_t state = (uint32_t)size * 2654435761u + 1;
	uint8_t *copy = malloc(size ? size : 1);

	if (copy == NULL)
		abort();
	for (int i = 0; i < DAMAGED_COPIES && size > 0; i++) {
		memcpy(copy, data, size);
		for (uint32_t k = next_random(&state) % 4; k > 0; k--)
			copy[next_random(&state) % size] = (uint8_t)next_random(&state);
		feed(copy, i % 2 ? size : next_random(&state) % size);
	}
	free(copy);
}

static int feed_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *in = fopen(path, "rb");
	size_t size;

	if (in == NULL) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), in);
	fclose(in);
	feed(data, size);
	feed_damaged(data, size);
	return 0;
}

static int feed_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int bad = 0;

	if (dir == NULL) {
		perror(path);
		return 1;
	}
	while ((e = readdir(dir)) != NULL) {
		char file[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		bad |= feed_file(file);
	}
	closedir(dir);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) != 0) {
			perror(argv[i]);
			bad = 1;
			continue;
		}
		bad |= S_ISDIR(st.st_mode) ? feed_folder(argv[i]) : feed_file(argv[i]);
	}
	printf("%lu inputs\n", inputs);
	return bad || inputs == 0;
}
