/* stream_words.c: who the peer of a stream is, and why a stream failed, in a line of text. */
#include <stdio.h>

#include "dtls/openssl.h"
#include "dtls/stream_parts.h"

/* ---- who ---- */

/* One name after the other; a name that does not fit is left out whole. */
struct names {
	char *text;
	size_t len;
};

/*
 * Letters, digits and what addresses, URIs and host names are made of; nothing
 * that ends a word or a line, and not '%'.
 */
static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._:@/+*~#?&;()[]", c) != NULL);
}

/* Other bytes are written %20, so that no certificate can forge a line or a second name. */
static void add_name(struct names *n, const char *kind, struct span value)
{
	char text[FILTER_TEXT_MAX];
	size_t len = (size_t)snprintf(
		text, sizeof(text), "%s%s%s", n->len > 0 ? " " : "", kind, value.len ? "" : "-");

	for (size_t i = 0; i < value.len; i++) {
		if (n->len + len + 3 >= FILTER_TEXT_MAX)
			return;
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			is_plain(value.p[i]) ? "%c" : "%%%02X", value.p[i]);
	}
	if (n->len + len >= FILTER_TEXT_MAX)
		return;
	memcpy(n->text + n->len, text, len + 1);
	n->len += len;
}

static struct span string_bytes(const ASN1_STRING *s)
{
	return SPAN(ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
}

static void add_common_name(struct names *n, const X509 *x509)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at >= 0)
		add_name(n, "CN=",
			string_bytes(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

static void add_address(struct names *n, const ASN1_STRING *ip)
{
	const unsigned char *b = ASN1_STRING_get0_data(ip);
	char text[48] = "";

	if (ASN1_STRING_length(ip) == 4)
		snprintf(text, sizeof(text), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	for (int i = 0; ASN1_STRING_length(ip) == 16 && i < 16; i += 2)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%x", i > 0 ? ":" : "",
			b[i] << 8 | b[i + 1]);
	add_name(n, "IP:", SPAN_STR(text));
}

static void add_alternative(struct names *n, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

	switch (type) {
	case GEN_DNS: add_name(n, "DNS:", string_bytes(value)); break;
	case GEN_URI: add_name(n, "URI:", string_bytes(value)); break;
	case GEN_EMAIL: add_name(n, "email:", string_bytes(value)); break;
	case GEN_IPADD: add_address(n, value); break;
	default: break; /* the others have no text that is worth a word */
	}
}

void tls_name_peer(const SSL *ssl, char text[FILTER_TEXT_MAX])
{
	const X509 *x509 = SSL_get0_peer_certificate(ssl);
	GENERAL_NAMES *names;
	struct names n = { .text = text };

	text[0] = '\0';
	if (x509 == NULL) /* nobody asked for one */
		return;
	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	add_common_name(&n, x509);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		add_alternative(&n, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	if (n.len == 0)
		add_name(&n, "CN=", SPAN_NONE); /* a certificate without a name is somebody, too */
	ERR_clear_error();
}

/* ---- why ---- */

static const struct {
	int reason;
	const char *words;
} faults[] = {
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the peer showed no certificate" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS" },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, "the peer does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, "the peer speaks HTTP without TLS" },
	{ SSL_R_HTTPS_PROXY_REQUEST, "the peer speaks HTTP without TLS" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the peer offers neither TLS 1.2 nor 1.3" },
	{ SSL_R_VERSION_TOO_LOW, "the peer offers neither TLS 1.2 nor 1.3" },
	{ SSL_R_NO_APPLICATION_PROTOCOL, "the peer names other protocols only than ours" },
	{ SSL_R_NO_SHARED_CIPHER, "no cipher suite in common: ECDHE with AEAD is needed" },
	{ SSL_R_EXCESSIVE_MESSAGE_SIZE, "the peer's certificate chain is too long" },
	/* OpenSSL has no words for this alert */
	{ SSL_AD_REASON_OFFSET + TLS13_AD_CERTIFICATE_REQUIRED,
		"the peer refused: certificate required" },
	{ ERR_R_MALLOC_FAILURE, "out of memory" },
};

static const char *words_of(int reason)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (faults[i].reason == reason)
			return faults[i].words;
	}
	return NULL;
}

void tls_name_failure(const SSL *ssl, char text[FILTER_TEXT_MAX])
{
	unsigned long error = ERR_peek_last_error();
	int reason = ERR_GET_REASON(error);
	const char *words = words_of(reason), *detail = ERR_reason_error_string(error);

	ERR_clear_error();
	if (error == 0)
		words = "out of memory, or the peer does not read";
	if (words != NULL)
		snprintf(text, FILTER_TEXT_MAX, "%s", words);
	else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED &&
		 SSL_get_verify_result(ssl) == X509_V_ERR_CERT_REJECTED)
		snprintf(text, FILTER_TEXT_MAX,
			"the peer's certificate does not match the fingerprint");
	else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		snprintf(text, FILTER_TEXT_MAX, "the peer's certificate is refused: %s",
			X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	else if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
		snprintf(text, FILTER_TEXT_MAX, "the peer refused: %s",
			SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
	else
		snprintf(text, FILTER_TEXT_MAX, "%s", detail != NULL ? detail : "TLS failed");
}
