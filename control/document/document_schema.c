/*
 * document_schema.c: the attributes of the MediaContext document (TS 29.176
 * V19.5.0, TS 29.571 V19.6.0), as tables.
 */
#include "control/document/document_schema.h"

#define TEXT_BYTES 1024 /* ours: a text that is only stored and echoed */
#define NAME_BYTES 255  /* ours: an identifier */
#define URL_BYTES  8192 /* ours */
#define PARTS_MAX  64   /* ours: terminations of a context, medias of a termination, candidates */
#define PORT_MAX   65535
#define UINT32_END 4294967295

#define NO_MEDIA "audio and video are not anchored yet"
#define NO_AR    "augmented reality media processing is not built"

static const char *const transports[] = { "UDP", NULL };
static const char *const setups[] = { "ACTIVE", "PASSIVE", "ACTPASS", NULL };
static const char *const wished_setups[] = { "ACTIVE", "PASSIVE", NULL };
static const char *const hashes[] = { "SHA-256", "SHA-384", "SHA-512", NULL };
/* The last two are how the early shape calls them. */
static const char *const proxies[] = { "HTTP_PROXY", "UDP_PROXY", "DC_APPLICATION_PROXY", "HTTP",
	"UDP", NULL };
static const char *const mdc2_protocols[] = { "UDP/DTLS/SCTP", "UDP", "TCP", "TCP/TLS", "SCTP",
	"SCTP/DTLS", NULL };
static const char *const resources[] = { "DC", NULL };

/* What almost every row says. */
#define TEXT(label, bytes)    .name = (label), .shape = SHAPE_TEXT, .min = 1, .max = (bytes)
#define NAME(label)           TEXT(label, NAME_BYTES), .fault = fault_name
#define NUMBER(label, top)    .name = (label), .shape = SHAPE_INTEGER, .max = (top)
#define FLAG(label)           .name = (label), .shape = SHAPE_BOOLEAN
#define OBJECT(label, what)   .name = (label), .shape = SHAPE_OBJECT, .of = &(what)
#define LIST(label, low, top) .name = (label), .shape = SHAPE_LIST, .min = (low), .max = (top)
#define STREAM_MAP(label, low, what)                                                       \
	.name = (label), .shape = SHAPE_STREAM_MAP, .min = (low), .max = SPEC_STREAMS_MAX, \
	.of = (what)
#define REQUIRED     .required = true
#define OURS         .ours = true
#define UNBUILT(why) .unbuilt = (why)

#define SCHEMA(name, rule) static const struct schema name = { name##_attributes, (rule) }

/* TS 29.571 */

static const struct attribute ip_attributes[] = {
	{ TEXT("ipv4Addr", NAME_BYTES), .fault = fault_ipv4 },
	{ TEXT("ipv6Addr", NAME_BYTES), .fault = fault_ipv6 },
	{ TEXT("ipv6Prefix", NAME_BYTES) },
	{ 0 },
};
SCHEMA(ip, rule_ip);

static const struct attribute endpoint_attributes[] = {
	{ OBJECT("ip", ip), REQUIRED },
	{ TEXT("transport", NAME_BYTES), REQUIRED, .served = transports },
	{ NUMBER("portNumber", PORT_MAX), REQUIRED },
	{ 0 },
};
SCHEMA(endpoint, NULL);

static const struct attribute mdc_endpoint_attributes[] = {
	{ OBJECT("ip", ip), REQUIRED },
	{ NUMBER("portNumber", PORT_MAX), REQUIRED },
	{ TEXT("transport", NAME_BYTES) }, /* of the early shape, where these are plain endpoints */
	{ NUMBER("sctpPort", PORT_MAX) },
	{ TEXT("fingerprint", NAME_BYTES), .fault = fault_fingerprint },
	{ LIST("fingerprints", 1, SPEC_FINGERPRINTS_MAX), .fault = fault_fingerprint },
	{ TEXT("tlsId", NAME_BYTES), .fault = fault_tls_id },
	{ TEXT("securitySetup", NAME_BYTES), .served = setups },
	{ 0 },
};
SCHEMA(mdc_endpoint, NULL);
static const struct schema remote_mdc1_endpoint = { mdc_endpoint_attributes, rule_mdc1_endpoint };
static const struct schema remote_mdc2_endpoint = { mdc_endpoint_attributes, rule_mdc2_endpoint };

static const struct attribute dc_endpoint_attributes[] = {
	{ NUMBER("sctpPort", PORT_MAX) },
	{ TEXT("fingerprint", NAME_BYTES), .fault = fault_fingerprint },
	{ LIST("fingerprints", 1, SPEC_FINGERPRINTS_MAX), .fault = fault_fingerprint },
	{ TEXT("tlsId", NAME_BYTES), .fault = fault_tls_id },
	{ TEXT("securitySetup", NAME_BYTES), .served = setups },
	{ 0 },
};
SCHEMA(dc_endpoint, rule_dc_endpoint);

/* The pattern of `subprotocol` does not let "http" through; any text is taken. */
static const struct attribute stream_attributes[] = {
	{ NUMBER("streamId", PORT_MAX) },
	{ .name = "subprotocol", .shape = SHAPE_TEXT, .max = NAME_BYTES },
	{ FLAG("order") },
	{ NUMBER("maxRetry", UINT32_END) },
	{ NUMBER("maxTime", UINT32_END) },
	{ NUMBER("priority", PORT_MAX) },
	{ .name = "appBindingInfo", .shape = SHAPE_TEXT, .max = TEXT_BYTES }, /* early shape */
	{ 0 },
};
SCHEMA(stream, rule_stream);

static const struct attribute root_attributes[] = {
	{ TEXT("replaceHttpUrl", URL_BYTES), REQUIRED, .fault = fault_http_url },
	{ NUMBER("streamId", PORT_MAX) },
	{ 0 },
};
SCHEMA(root, NULL);

/* TS 29.176 */

static const struct attribute mdc1_attributes[] = {
	{ OBJECT("remoteMdc1Endpoint", remote_mdc1_endpoint) },
	{ OBJECT("localMdc1Endpoint", mdc_endpoint), OURS },
	{ 0 },
};
SCHEMA(mdc1, NULL);

static const struct attribute mdc2_attributes[] = {
	{ OBJECT("remoteMdc2Endpoint", remote_mdc2_endpoint) },
	{ OBJECT("localMdc2Endpoint", mdc_endpoint), OURS },
	{ TEXT("mdc2Protocol", NAME_BYTES), .served = mdc2_protocols },
	{ 0 },
};
SCHEMA(mdc2, NULL);

static const struct attribute interworking_attributes[] = {
	{ TEXT("transcodeMode", NAME_BYTES), REQUIRED },
	{ TEXT("addTransInfo", TEXT_BYTES) },
	{ 0 },
};
SCHEMA(interworking, NULL);

static const struct attribute dc_media_attributes[] = {
	/* mandatory but in the early shape: rule_dc_media */
	{ TEXT("mediaProxyConfig", NAME_BYTES), .served = proxies },
	/* may be absent where DCEP is taken: rule_dc_media */
	{ STREAM_MAP("streams", 0, &stream) },
	{ STREAM_MAP("replaceHttpUrl", 1, &root) },
	{ OBJECT("mdc1Info", mdc1) },
	{ OBJECT("mdc2Info", mdc2) },
	{ NUMBER("maxMessageSize", 64) },
	{ OBJECT("localDcEndpoint", dc_endpoint), OURS },
	{ OBJECT("remoteDcEndpoint", dc_endpoint) },
	{ OBJECT("interworkingInfo", interworking), UNBUILT("transcoding is not built") },
	/* the early shape */
	{ OBJECT("remoteMdc1Endpoint", remote_mdc1_endpoint) },
	{ OBJECT("localMdc1Endpoint", mdc_endpoint), OURS },
	{ OBJECT("remoteMdc2Endpoint", remote_mdc2_endpoint) },
	{ OBJECT("localMdc2Endpoint", mdc_endpoint), OURS },
	{ TEXT("mdc2Protocol", NAME_BYTES), .served = mdc2_protocols },
	{ TEXT("securitySetup", NAME_BYTES), .served = setups },
	{ 0 },
};
SCHEMA(dc_media, rule_dc_media);

static const struct attribute ar_media_attributes[] = {
	{ TEXT("mediaProcessingSpec", TEXT_BYTES), REQUIRED },
	{ 0 },
};
SCHEMA(ar_media, NULL);

static const struct attribute avatar_media_attributes[] = {
	{ TEXT("renderingMode", NAME_BYTES), REQUIRED },
	{ TEXT("resourceUrl", URL_BYTES) },
	{ TEXT("mediaProcessSpec", TEXT_BYTES) },
	{ TEXT("resourceUeId", TEXT_BYTES) },
	{ TEXT("requesterUeId", TEXT_BYTES) },
	{ TEXT("avatarId", TEXT_BYTES) },
	{ 0 },
};
SCHEMA(avatar_media, NULL);

static const struct attribute non_dc_media_attributes[] = {
	{ TEXT("sdpmLine", TEXT_BYTES), REQUIRED },
	{ LIST("sdpaLines", 0, 256), REQUIRED },
	{ TEXT("associatedDcMediaId", NAME_BYTES) },
	{ 0 },
};
SCHEMA(non_dc_media, NULL);

static const struct attribute mdc2_av_attributes[] = {
	{ OBJECT("audioMediaEndpointDcAs", endpoint) },
	{ OBJECT("audioMediaEndpointMf", endpoint) },
	{ OBJECT("videoMediaEndpointDcAs", endpoint) },
	{ OBJECT("videoMediaEndpointMf", endpoint) },
	{ 0 },
};
SCHEMA(mdc2_av, NULL);

/* Ours: the `dcmf` objects (README.md) */

static const struct attribute ice_attributes[] = {
	{ .name = "ufrag", .shape = SHAPE_TEXT, .min = 4, .max = 256, .fault = fault_ice_text },
	{ .name = "pwd", .shape = SHAPE_TEXT, .min = 22, .max = 256, .fault = fault_ice_text },
	{ FLAG("lite") },
	{ LIST("candidates", 0, PARTS_MAX) },
	{ FLAG("restart") },
	{ 0 },
};
SCHEMA(ice, rule_ice);

/* Toward a server. */
static const struct attribute server_ice_attributes[] = {
	{ .name = "ufrag", .shape = SHAPE_TEXT, .min = 4, .max = 256, .fault = fault_ice_text },
	{ .name = "pwd", .shape = SHAPE_TEXT, .min = 22, .max = 256, .fault = fault_ice_text },
	{ FLAG("lite") },
	{ LIST("candidates", 0, PARTS_MAX) },
	{ FLAG("restart") },
	{ FLAG("gather"), UNBUILT("addresses behind a NAT are not gathered: the gateway is "
				  "reached where it says it is") },
	{ 0 },
};
SCHEMA(server_ice, rule_ice);

static const struct attribute dcmf_mdc1_attributes[] = {
	{ TEXT("protocol", NAME_BYTES), .served = mdc2_protocols },
	{ OBJECT("ice", server_ice) },
	{ NAME("serverName") },
	{ NUMBER("maxMessageSize", UINT32_END) },
	{ NAME("interface") },
	{ 0 },
};
SCHEMA(dcmf_mdc1, NULL);

/* The same, but that the standard has a place for the protocol. */
static const struct schema dcmf_mdc2 = { dcmf_mdc1_attributes + 1, NULL };

static const struct attribute dcmf_media_attributes[] = {
	{ OBJECT("ice", ice) },
	{ OBJECT("mdc1", dcmf_mdc1) },
	{ OBJECT("mdc2", dcmf_mdc2) },
	{ TEXT("securityMode", NAME_BYTES), OURS },
	{ .name = "status", .shape = SHAPE_ANY, OURS },
	{ STREAM_MAP("labels", 0, NULL) },
	{ STREAM_MAP("applications", 0, NULL) },
	{ NUMBER("maxMessageSize", UINT32_END) },
	{ NAME("interface") },
	{ TEXT("setup", NAME_BYTES), .served = wished_setups },
	{ TEXT("fingerprintHash", NAME_BYTES), .served = hashes },
	{ FLAG("acceptDcep") },
	{ 0 },
};
SCHEMA(dcmf_media, NULL);

static const struct attribute dcmf_termination_attributes[] = { { 0 } };
SCHEMA(dcmf_termination, NULL);

static const struct attribute dcmf_context_attributes[] = {
	{ NAME("owner") },
	{ NAME("thirdParty") },
	{ 0 },
};
SCHEMA(dcmf_context, NULL);

/* TS 29.176 again, upwards */

static const struct attribute media_attributes[] = {
	{ NAME("mediaId"), REQUIRED },
	{ NAME("associatedMediaId") },
	{ TEXT("mediaResourceType", NAME_BYTES), REQUIRED, .served = resources },
	{ OBJECT("localMbEndpoint", endpoint), OURS },
	{ OBJECT("remoteMbEndpoint", endpoint) },
	{ OBJECT("dcMedia", dc_media) },
	{ OBJECT("arMedia", ar_media), UNBUILT(NO_AR) },
	{ OBJECT("localNonDcMedia", non_dc_media), UNBUILT(NO_MEDIA) },
	{ OBJECT("remoteNonDcMedia", non_dc_media), UNBUILT(NO_MEDIA) },
	{ TEXT("mediaProcessingUri", URL_BYTES), UNBUILT("media processing is not built") },
	{ OBJECT("avatarMedia", avatar_media), UNBUILT("avatar rendering is not built") },
	{ OBJECT("mdc2AVEndpoint", mdc2_av), UNBUILT(NO_MEDIA) },
	{ OBJECT("dcmf", dcmf_media) },
	{ 0 },
};
SCHEMA(media, rule_media);

static const struct attribute termination_attributes[] = {
	{ NAME("terminationId"), REQUIRED },
	{ LIST("medias", 1, PARTS_MAX), .of = &media, REQUIRED },
	{ OBJECT("dcmf", dcmf_termination) },
	{ 0 },
};
SCHEMA(termination, rule_termination);

static const struct attribute media_context_attributes[] = {
	{ NAME("contextId"), OURS },
	{ LIST("terminations", 1, PARTS_MAX), .of = &termination, REQUIRED },
	{ OBJECT("dcmf", dcmf_context) },
	{ 0 },
};
const struct schema media_context_schema = { media_context_attributes, rule_media_context };
