/* bio.c: how OpenSSL sees the network: each read gives one datagram, each write makes one. */
#include "dtls/bio.h"

#include "dtls/dtls.h"
#include "dtls/record.h"

static int wire_read(BIO *bio, char *buf, int size)
{
	struct wire *w = BIO_get_data(bio);
	size_t n = w->in.len;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (n > (size_t)size)
		n = (size_t)size; /* as recv() would: OpenSSL has room for the largest record */
	memcpy(buf, w->in.p, n);
	w->in = SPAN_NONE;
	return (int)n;
}

void wire_flush(struct wire *w)
{
	struct wr *f = w->flight;

	if (f == NULL || f->len == 0)
		return;
	if (w->seq_shift != 0)
		records_shift(f->p, f->len, w->seq_shift);
	w->output(w->arg, SPAN(f->p, f->len));
	f->len = 0;
}

static int wire_write(BIO *bio, const char *buf, int len)
{
	struct wire *w = BIO_get_data(bio);
	struct span records = SPAN(buf, len);

	BIO_clear_retry_flags(bio);
	numbers_note(&w->numbers, records);
	if (w->is_mute)
		return len;
	if (w->flight != NULL && records.len > w->flight->cap - w->flight->len)
		wire_flush(w);
	if (w->flight != NULL && records.len <= w->flight->cap)
		wr_span(w->flight, records);
	else
		w->output(w->arg, records); /* longer than the MTU: encrypted, nothing to shift */
	return len;
}

static long wire_ctrl(BIO *bio, int cmd, long number, void *pointer)
{
	const struct wire *w = BIO_get_data(bio);

	switch (cmd) {
	case BIO_CTRL_FLUSH: return 1; /* wire_flush() comes when OpenSSL is done */
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return w->mtu;
	case BIO_CTRL_DGRAM_SET_MTU: return number;
	default: return 0; /* nothing pending, no headers below us, no MTU exceeded */
	}
}

BIO_METHOD *bio_method_create(const char *name, int (*read)(BIO *, char *, int),
	int (*write)(BIO *, const char *, int), long (*ctrl)(BIO *, int, long, void *))
{
	/* No BIO_get_new_index(): there are 127 in a process's life, and certificates rotate. */
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, name);

	if (m == NULL)
		return NULL;
	BIO_meth_set_read(m, read);
	BIO_meth_set_write(m, write);
	BIO_meth_set_ctrl(m, ctrl);
	return m;
}

BIO *bio_create(const BIO_METHOD *method, void *end)
{
	BIO *bio = BIO_new(method);

	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, end);
	BIO_set_init(bio, 1);
	return bio;
}

BIO_METHOD *wire_method_create(void)
{
	return bio_method_create("datagrams", wire_read, wire_write, wire_ctrl);
}

BIO *wire_bio_create(const BIO_METHOD *method, struct wire *w)
{
	return bio_create(method, w);
}
