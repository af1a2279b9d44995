/* test_sdp.c: what is read of session descriptions, and what is refused. */
#include "tests/unit/main.h"

#include "tests/unit/control/sdp/sdp_refusal.h"

static void assert_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_TEXT_MAX];

	ck_assert_str_eq(addr_is_set(a) ? addr_text(a, buf) : "none", text);
}

START_TEST(chromium_offer_is_read)
{
	struct sdp *s = parsed(CHROMIUM);
	const struct sdp_media *m = only(s);

	ck_assert(m->is_datachannel && !m->is_legacy && !m->bundle_only);
	ck_assert_uint_eq(m->port, 9);
	ck_assert_uint_eq(m->line, 8);
	ck_assert_int_eq(m->bundle, 0);
	ck_assert_uint_eq(s->version, 2);
	assert_span(m->mid, "0");
	assert_span(m->ice_ufrag, "Q5Wo");
	assert_span(m->ice_pwd, "7pEqTU3yHcrQNXxe7TTDwL8p");
	ck_assert(!m->ice_lite && !m->ice2 && !m->end_of_candidates);
	ck_assert_uint_eq(m->candidate_count, 0);
	assert_addr(&m->candidate, "none");
	assert_addr(&m->connection, "none");
	ck_assert_int_eq(m->setup, SETUP_ACTPASS);
	ck_assert_uint_eq(m->fingerprint_count, 1);
	ck_assert_uint_eq(m->sctp_port, 5000);
	ck_assert_uint_eq(m->max_message, 262144);
	ck_assert_uint_eq(m->dcmap_count, 0);
	sdp_destroy(s);
}
END_TEST

START_TEST(firefox_offer_inherits_its_fingerprint_and_skips_local_and_tcp_candidates)
{
	struct sdp *s = parsed(FIREFOX);
	const struct sdp_media *m = only(s);

	ck_assert_uint_eq(m->fingerprint_count, 1);
	ck_assert(m->ice2 && m->end_of_candidates);
	ck_assert_uint_eq(m->candidate_count, 4);
	assert_addr(&m->candidate, "198.51.100.77:51556");
	assert_addr(&m->connection, "198.51.100.77:51556");
	ck_assert_uint_eq(m->max_message, 1073741823);
	sdp_destroy(s);
}
END_TEST

START_TEST(aiortc_offer_of_the_older_form_is_read)
{
	struct sdp *s = parsed(AIORTC);
	const struct sdp_media *m = only(s);
	char text[FINGERPRINT_TEXT_MAX];

	ck_assert(m->is_datachannel && m->is_legacy);
	assert_span(m->sctpmap, "5000 webrtc-datachannel 65535");
	ck_assert_uint_eq(m->sctp_port, 5000);
	ck_assert_uint_eq(m->fingerprint_count, 1);
	ck_assert_uint_eq(m->weak_fingerprints, 1);
	ck_assert_str_eq(fingerprint_text(&m->fingerprint[0], text), "SHA-256 " FP_A);
	assert_addr(&m->candidate, "192.0.2.33:38412");
	sdp_destroy(s);
}
END_TEST

START_TEST(ims_offer_has_channels_ordered_by_stream)
{
	struct sdp *s = parsed(IMS_UE);
	const struct sdp_media *m = &s->medias[1];
	char id[72];

	ck_assert_uint_eq(s->media_count, 3);
	ck_assert(!s->medias[0].is_datachannel);
	assert_span(s->medias[0].whole, "m=audio 49170 RTP/AVP 96\r\na=rtpmap:96 EVS/16000\r\n");
	ck_assert_str_eq(sdp_media_id(s, 1, id), "1");
	assert_addr(&m->connection, "198.51.100.10:50500");
	assert_span(m->tls_id, "q3Zr81kVw0sXm5TnHc2b");
	assert_span(s->medias[2].tls_id, "Yp7Lq0eD4uJf9RkAhW6x");
	ck_assert_uint_eq(m->sctp_port, 5001);
	ck_assert_uint_eq(m->dcmap_count, 2);
	ck_assert_uint_eq(m->dcmaps[0].sid, 0);
	assert_span(m->dcmaps[0].subprotocol, "http");
	ck_assert_uint_eq(m->dcmaps[1].sid, 10);
	assert_span(m->dcmaps[1].label, "local-bdc");
	assert_span(m->dcmaps[1].line, "a=dcmap:10 subprotocol=\"http\";label=\"local-bdc\"");
	ck_assert_int_eq(s->medias[2].setup, SETUP_ACTIVE);
	sdp_destroy(s);
}
END_TEST

START_TEST(every_byte_of_the_text_is_in_the_session_or_a_section)
{
	static const char *const samples[] = { CHROMIUM, FIREFOX, AIORTC, IMS_UE };

	for (size_t i = 0; i < 4; i++) {
		struct sdp *s = parsed(samples[i]);
		size_t at = s->session.len;

		ck_assert_ptr_eq(s->session.p, s->text);
		for (unsigned m = 0; m < s->media_count; m++) {
			ck_assert_ptr_eq(s->medias[m].whole.p, s->text + at);
			at += s->medias[m].whole.len;
		}
		ck_assert_uint_eq(at, strlen(samples[i]));
		ck_assert_str_eq(s->text, samples[i]);
		sdp_destroy(s);
	}
}
END_TEST

/* ---- which sections are ours ------------------------------------------------------------ */

START_TEST(forms_that_are_served_and_forms_that_are_not)
{
	static const struct {
		const char *lines;
		bool served, legacy;
		unsigned sctp_port;
	} rows[] = {
		{ "m=application 1 UDP/DTLS/SCTP webrtc-datachannel\r\n", true, false, 5000 },
		{ "m=application 1 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:6000\r\n", true,
			false, 6000 },
		{ "m=application 1 DTLS/SCTP webrtc-datachannel\r\na=sctp-port:6000\r\n", true,
			true, 6000 },
		{ "m=application 1 DTLS/SCTP 6001\r\na=sctpmap:6001 webrtc-datachannel 256\r\n",
			true, true, 6001 },
		{ "m=application 1 DTLS/SCTP 6001\r\na=sctpmap:6001 webrtc-datachannel\r\n", true,
			true, 6001 },
		{ "m=application 1 DTLS/SCTP 6001\r\na=sctpmap:6002 webrtc-datachannel 256\r\n",
			false, false, 0 },
		{ "m=application 1 DTLS/SCTP 6001\r\na=sctpmap:6001 bfcp 2\r\n", false, false, 0 },
		{ "m=application 1 DTLS/SCTP 6001\r\n", false, false, 0 },
		{ "m=application 1 DTLS/SCTP 0\r\na=sctpmap:0 webrtc-datachannel\r\n", false, false,
			0 },
		{ "m=application 1 UDP/DTLS/SCTP 5000\r\n", false, false, 0 },
		{ "m=application 1 TCP/DTLS/SCTP webrtc-datachannel\r\n", false, false, 0 },
		{ "m=application 1 SCTP webrtc-datachannel\r\n", false, false, 0 },
		{ "m=application 1 UDP/TLS/BFCP *\r\n", false, false, 0 },
		{ "m=message 1 UDP/DTLS/SCTP webrtc-datachannel\r\n", false, false, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct sdp *s;

		snprintf(text, sizeof(text), "v=0\r\n%s", rows[i].lines);
		s = parsed(text);
		ck_assert_msg(only(s)->is_datachannel == rows[i].served, "row %zu", i);
		ck_assert_msg(only(s)->is_legacy == rows[i].legacy, "row %zu", i);
		if (rows[i].served)
			ck_assert_uint_eq(only(s)->sctp_port, rows[i].sctp_port);
		sdp_destroy(s);
	}
}
END_TEST

START_TEST(faults_in_sections_that_are_not_ours_do_no_harm)
{
	sdp_destroy(parsed(
		"v=0\r\nm=audio 5000 RTP/SAVP 0\r\na=fingerprint:sha-256 ZZ\r\na=setup:x\r\n"));
	sdp_destroy(
		parsed("v=0\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:x\r\n"));
	assert_refused("v=0\r\nm=application 1 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:x\r\n",
		"line 3: setup: ");
}
END_TEST

START_TEST(bundle_only_counts_with_port_zero_only)
{
	struct sdp *s = parsed(
		"v=0\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\n"
		"m=application 7 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\n");

	ck_assert(s->medias[0].bundle_only);
	ck_assert(!s->medias[1].bundle_only);
	sdp_destroy(s);
	assert_refused(
		"v=0\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\n"
		"a=dcmap:x\r\n",
		"line 4: dcmap: ");
}
END_TEST

START_TEST(bundle_only_section_takes_the_transport_of_its_bundle)
{
	struct sdp *s = parsed(
		"v=0\r\nc=IN IP4 192.0.2.1\r\na=setup:active\r\na=group:BUNDLE a d\r\n"
		"m=audio 6000 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n" FINGERPRINT
		"a=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=bundle-only\r\n"
		"m=application 7000 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:e\r\n");
	const struct sdp_media *d = &s->medias[1], *e = &s->medias[2];

	ck_assert_uint_eq(d->fingerprint_count, 1);
	ck_assert_int_eq(d->setup, SETUP_ACTPASS);
	assert_span(d->ice_ufrag, "abcd");
	assert_addr(&d->connection, "192.0.2.1:6000");
	ck_assert_uint_eq(e->fingerprint_count, 0);
	ck_assert_int_eq(e->setup, SETUP_ACTIVE);
	ck_assert_uint_eq(e->ice_ufrag.len, 0);
	ck_assert_int_eq(e->bundle, -1);
	assert_addr(&e->connection, "192.0.2.1:7000");
	sdp_destroy(s);
}
END_TEST

/* ---- attributes ------------------------------------------------------------------------- */

START_TEST(what_a_section_says_itself_wins_over_the_session)
{
	struct sdp *s =
		parsed("v=0\r\nc=IN IP6 2001:db8::1\r\na=fingerprint:sha-256 " FP_B
		       "\r\na=setup:active\r\n"
		       "a=ice-ufrag:aaaa\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\na=ice-lite\r\n"
		       "a=dcmap:5\r\na=sctp-port:77\r\n"
		       "m=application 7000 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		       "m=application 7001 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		       "c=IN IP4 192.0.2.2\r\n" FINGERPRINT "a=setup:passive\r\n"
		       "a=ice-ufrag:bbbb\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n");
	const struct sdp_media *a = &s->medias[0], *b = &s->medias[1];

	ck_assert_uint_eq(a->fingerprint[0].md[0], 0x77);
	ck_assert_int_eq(a->setup, SETUP_ACTIVE);
	assert_span(a->ice_ufrag, "aaaa");
	assert_addr(&a->connection, "[2001:db8::1]:7000");
	ck_assert(a->ice_lite && b->ice_lite);
	ck_assert_uint_eq(a->dcmap_count, 0); /* media level only */
	ck_assert_uint_eq(a->sctp_port, 5000);
	ck_assert_uint_eq(b->fingerprint_count, 1);
	ck_assert_uint_eq(b->fingerprint[0].md[0], 0x2b);
	ck_assert_int_eq(b->setup, SETUP_PASSIVE);
	assert_span(b->ice_ufrag, "bbbb");
	assert_span(b->ice_pwd, "bbbbbbbbbbbbbbbbbbbbbb");
	assert_addr(&b->connection, "192.0.2.2:7001");
	sdp_destroy(s);
}
END_TEST

START_TEST(addresses_that_cannot_be_sent_to_are_not_known_yet)
{
	static const struct {
		const char *c, *port, *is;
	} rows[] = {
		{ "IN IP4 192.0.2.1", "4000", "192.0.2.1:4000" },
		{ "IN IP6 2001:db8::7", "4000", "[2001:db8::7]:4000" },
		{ "IN IP4 0.0.0.0", "4000", "none" },
		{ "IN IP6 ::", "4000", "none" },
		{ "IN IP4 192.0.2.1", "9", "none" },
		{ "IN IP4 mf.example.net", "4000", "none" },
		{ "IN IP4 224.2.1.1/127", "4000", "none" },
		{ "IN IP4 239.1.1.1", "4000", "none" },
		{ "IN IP4 255.255.255.255", "4000", "none" },
		{ "IN IP6 ff02::1", "4000", "none" },
		{ "ATM NSAP 47.0005", "4000", "none" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct sdp *s;

		snprintf(text, sizeof(text),
			"v=0\r\nc=IN IP4 198.51.100.1\r\nm=application %s UDP/DTLS/SCTP "
			"webrtc-datachannel\r\nc=%s\r\n",
			rows[i].port, rows[i].c);
		s = parsed(text);
		assert_addr(&only(s)->connection, rows[i].is);
		sdp_destroy(s);
	}
	assert_refused(ONE("c=IN IP4\r\n"), "line 7: c=: ");
	assert_refused("v=0\r\nc=\r\n", "line 2: c=: ");
}
END_TEST

START_TEST(candidates_are_chosen_by_priority_among_the_usable)
{
	static const struct {
		const char *lines, *best;
	} rows[] = {
		{ "a=candidate:1 1 UDP 10 192.0.2.5 1000 typ host\r\n"
		  "a=candidate:2 1 udp 30 192.0.2.6 1000 typ relay raddr 1.2.3.4 rport 5\r\n"
		  "a=candidate:3 1 UDP 20 192.0.2.7 1000 typ srflx\r\n",
			"192.0.2.6:1000" },
		{ "a=candidate:1 1 UDP 10 2001:db8::5 1000 typ host generation 0 network-cost "
		  "999\r\n",
			"[2001:db8::5]:1000" },
		{ "a=candidate:1 1 TCP 10 192.0.2.5 1000 typ host tcptype passive\r\n", "none" },
		{ "a=candidate:1 1 UDP 10 b.local 1000 typ host\r\n", "none" },
		{ "a=candidate:1 2 UDP 10 192.0.2.5 1000 typ host\r\n", "none" },
		{ "a=candidate:1 1 UDP 10 192.0.2.5 9 typ host\r\n", "none" },
		{ "a=candidate:1 1 UDP 10 0.0.0.0 1000 typ host\r\n", "none" },
		{ "a=candidate:1 1 UDP 10 192.0.2.5 1000 typ mars\r\n", "none" },
		{ "", "none" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[1024];
		struct sdp *s;

		snprintf(text, sizeof(text), "%s%s", ONE(), rows[i].lines);
		s = parsed(text);
		assert_addr(&only(s)->candidate, rows[i].best);
		sdp_destroy(s);
	}
	assert_refused(ONE("a=candidate:1 1 UDP 10 192.0.2.5\r\n"), "line 7: candidate: ");
	assert_refused(
		ONE("a=candidate:1 1 UDP 10 192.0.2.5 70000 typ host\r\n"), "line 7: candidate: ");
	assert_refused(ONE("a=candidate:1 1 UDP 9999999999 192.0.2.5 1 typ host\r\n"),
		"line 7: candidate: ");
	assert_refused(ONE("a=candidate:\r\n"), "line 7: candidate: ");
}
END_TEST

START_TEST(more_candidates_than_are_kept_still_take_part)
{
	char text[16384] = ONE("");
	struct sdp *s;

	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"a=candidate:1 1 UDP %d 192.0.2.5 %d typ host\r\n", i + 1, 1000 + i);
	s = parsed(text);
	ck_assert_uint_eq(only(s)->candidate_count, SDP_CANDIDATES_MAX);
	assert_addr(&only(s)->candidate, "192.0.2.5:1099");
	sdp_destroy(s);
}
END_TEST

START_TEST(fingerprints_in_any_case_and_of_several_hashes)
{
	struct sdp *s = parsed(
		ONE("a=fingerprint: sHa-256 " FP_A "\r\n"
		    "a=fingerprint:sha-256 "
		    "77:1d:0c:91:7d:3e:aa:54:18:c2:9f:60:e1:77:05:bd:42:8a:d3:1c:66:f9:0e:b5:20:"
		    "74:cb:39:58:ef:13:a7\r\n"
		    "a=fingerprint:sha-1 " FP_SHA1 "\r\n"
		    "a=fingerprint:blake3 AB:CD\r\n"));

	ck_assert_uint_eq(only(s)->fingerprint_count, 2);
	ck_assert_uint_eq(only(s)->weak_fingerprints, 2);
	ck_assert_uint_eq(only(s)->weak_line, 10);
	sdp_destroy(s);
	assert_refused(ONE("a=fingerprint:sha-256 AB:CD\r\n"), "line 7: fingerprint: ");
	assert_refused(ONE("a=fingerprint:sha-256\r\n"), "line 7: fingerprint: ");
	assert_refused(ONE("a=fingerprint:\r\n"), "line 7: fingerprint: ");
	assert_refused(ONE(FINGERPRINT FINGERPRINT FINGERPRINT FINGERPRINT FINGERPRINT FINGERPRINT
				       FINGERPRINT FINGERPRINT FINGERPRINT),
		"line 15: fingerprint: more than 8");
}
END_TEST

START_TEST(values_that_are_wrong_are_named_with_their_line)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ ONE("a=setup:holdconn\r\n"), "line 7: setup: " },
		{ ONE("a=sctp-port:0\r\n"), "line 7: sctp-port: " },
		{ ONE("a=sctp-port:65536\r\n"), "line 7: sctp-port: " },
		{ ONE("a=max-message-size:many\r\n"), "line 7: max-message-size: " },
		{ ONE("a=tls-id:short\r\n"), "line 7: tls-id: " },
		{ ONE("a=tls-id:abcdefghijklmnopqrs*t\r\n"), "line 7: tls-id: " },
		{ ONE("a=ice-ufrag:abc\r\n"), "line 7: ice-ufrag: " },
		{ ONE("a=ice-pwd:abcdefghijklmnopqrstu\r\n"), "line 7: ice-pwd: " },
		{ ONE("a=mid:\r\n"), "line 7: mid: " },
		{ ONE("a=mid:a b\r\n"), "line 7: mid: " },
		{ ONE("a=mid:"
		      "0123456789012345678901234567890123456789012345678901234567890123456789xy\r"
		      "\n"),
			"line 7: mid: " },
		{ ONE("a=dcmap:1\r\na=dcmap:1\r\n"), "line 8: dcmap: " },
		{ "v=0\r\na=setup:x\r\n", "line 2: setup: " },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(rows[i].text, rows[i].words);
	sdp_destroy(parsed(ONE(
		"a=setup:ACTIVE\r\na=sctp-port:65535\r\na=max-message-size:0\r\n"
		"a=tls-id:abcdefghijklmnopqrst\r\na=ice-ufrag:abcd\r\n"
		"a=ice-pwd:abcdefghijklmnopqrstuv\r\na=mid:a.b\r\na=dcmap:1\r\na=dcmap:2\r\n")));
}
END_TEST

START_TEST(a_huge_message_size_is_as_large_as_we_can_count)
{
	struct sdp *s = parsed(ONE("a=max-message-size:18446744073709551615\r\n"));

	ck_assert_uint_eq(only(s)->max_message, UINT32_MAX);
	sdp_destroy(s);
	s = parsed(ONE("a=max-message-size:0\r\n"));
	ck_assert_uint_eq(only(s)->max_message, 0);
	sdp_destroy(s);
	s = parsed(ONE(""));
	ck_assert_uint_eq(only(s)->max_message, 65536);
	sdp_destroy(s);
}
END_TEST

START_TEST(sections_with_the_same_name_are_refused)
{
	assert_refused(
		"v=0\r\nm=audio 1 RTP/AVP 0\r\na=mid:x\r\nm=audio 1 RTP/AVP 0\r\na=mid:x\r\n",
		"line 4: ");
	assert_refused(
		"v=0\r\nm=audio 1 RTP/AVP 0\r\na=mid:1\r\nm=audio 1 RTP/AVP 0\r\n", "line 4: ");
	sdp_destroy(parsed(
		"v=0\r\nm=audio 1 RTP/AVP 0\r\na=mid:1\r\nm=audio 1 RTP/AVP 0\r\na=mid:0\r\n"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sdp");
	TCase *t = tcase_create("offers");

	tcase_add_test(t, chromium_offer_is_read);
	tcase_add_test(
		t, firefox_offer_inherits_its_fingerprint_and_skips_local_and_tcp_candidates);
	tcase_add_test(t, aiortc_offer_of_the_older_form_is_read);
	tcase_add_test(t, ims_offer_has_channels_ordered_by_stream);
	tcase_add_test(t, every_byte_of_the_text_is_in_the_session_or_a_section);
	suite_add_tcase(s, t);

	t = tcase_create("sections");
	tcase_add_test(t, forms_that_are_served_and_forms_that_are_not);
	tcase_add_test(t, faults_in_sections_that_are_not_ours_do_no_harm);
	tcase_add_test(t, bundle_only_counts_with_port_zero_only);
	tcase_add_test(t, bundle_only_section_takes_the_transport_of_its_bundle);
	tcase_add_test(t, sections_with_the_same_name_are_refused);
	suite_add_tcase(s, t);

	t = tcase_create("attributes");
	tcase_add_test(t, what_a_section_says_itself_wins_over_the_session);
	tcase_add_test(t, addresses_that_cannot_be_sent_to_are_not_known_yet);
	tcase_add_test(t, candidates_are_chosen_by_priority_among_the_usable);
	tcase_add_test(t, more_candidates_than_are_kept_still_take_part);
	tcase_add_test(t, fingerprints_in_any_case_and_of_several_hashes);
	tcase_add_test(t, values_that_are_wrong_are_named_with_their_line);
	tcase_add_test(t, a_huge_message_size_is_as_large_as_we_can_count);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
