/* client.c: who a controller is, by the names that its certificate has. */
#include "control/client.h"

#include <stdio.h>

#define INSTANCE "URI:urn:uuid:"

/* The UUID of a name that is an NF instance's; nothing otherwise. */
static struct span instance_of(struct span name)
{
	size_t head = sizeof(INSTANCE) - 1;

	if (name.len < head || !span_eq_nocase(SPAN(name.p, head), SPAN_LIT(INSTANCE)) ||
		!uuid_is(span_skip(name, head)))
		return SPAN_NONE;
	return span_skip(name, head);
}

bool client_nf_instance(const char *names, char out[NF_INSTANCE_MAX])
{
	struct span rest = SPAN_STR(names), id = SPAN_NONE;

	while (rest.len > 0 && id.len == 0)
		id = instance_of(span_cut(&rest, ' '));
	for (size_t i = 0; i < id.len; i++)
		out[i] = (char)(id.p[i] >= 'A' && id.p[i] <= 'F' ? id.p[i] | 0x20 : id.p[i]);
	out[id.len] = '\0';
	return id.len > 0;
}

void client_identity(const char *names, char out[CLIENT_IDENTITY_MAX])
{
	char id[NF_INSTANCE_MAX];

	if (names[0] == '\0')
		snprintf(out, CLIENT_IDENTITY_MAX, CLIENT_LOOPBACK);
	else if (client_nf_instance(names, id))
		snprintf(out, CLIENT_IDENTITY_MAX, INSTANCE "%s", id);
	else
		snprintf(out, CLIENT_IDENTITY_MAX, "%s", names);
}

/* Host names and UUIDs have no case, other names have. */
static bool is_same(struct span name, struct span listed)
{
	struct span id = instance_of(name);

	if (id.len > 0 && span_eq_nocase(id, uuid_is(listed) ? listed : instance_of(listed)))
		return true;
	if (span_starts(name, SPAN_LIT("DNS:")))
		return span_eq_nocase(name, listed);
	return span_eq(name, listed);
}

bool client_is_listed(const char *names, char *const *list, unsigned count)
{
	struct span rest = SPAN_STR(names);

	while (rest.len > 0) {
		struct span name = span_cut(&rest, ' ');

		for (unsigned i = 0; i < count; i++) {
			if (is_same(name, SPAN_STR(list[i])))
				return true;
		}
	}
	return false;
}

bool client_can_be_listed(const char *name)
{
	static const char *const kinds[] = { "CN=", "DNS:", "URI:", "IP:", "email:" };
	struct span s = SPAN_STR(name);

	if (memchr(s.p, ' ', s.len) != NULL)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (span_starts(s, SPAN_STR(kinds[i])) && s.len > strlen(kinds[i]))
			return true;
	}
	return uuid_is(s);
}
