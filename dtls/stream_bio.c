/* stream_bio.c: how OpenSSL sees the wire of a stream: two bounded queues. */
#include "dtls/bio.h"
#include "dtls/stream_parts.h"

static int read_in(BIO *bio, char *buf, int size)
{
	struct tls *t = BIO_get_data(bio);
	struct span s = bytes_view(&t->in);
	size_t n = s.len < (size_t)size ? s.len : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(buf, s.p, n);
	bytes_take(&t->in, n);
	return (int)n;
}

/*
 * A queue that is full is a peer that makes us talk and does not
 * listen: no retry, the connection fails.
 */
static int write_out(BIO *bio, const char *buf, int len)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	return bytes_append(&t->out, SPAN(buf, len)) ? len : -1;
}

static long ctrl(BIO *bio, int cmd, long number, void *pointer)
{
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_wire_method(void)
{
	return bio_method_create("stream", read_in, write_out, ctrl);
}

BIO *tls_wire_create(const BIO_METHOD *method, struct tls *t)
{
	return bio_create(method, t);
}
