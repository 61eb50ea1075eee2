#include "net/tls_parts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* --- verification ------------------------------------------------------------------------------
 */

/* OpenSSL has no security level above 0 for some profiles, so what it then lets pass is looked at
 * here. A certificate that is trusted by itself needs no signature. */
static int weakness_of(const struct gs_tls_profile *profile, X509 *certificate, int depth)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL || EVP_PKEY_get_security_bits(key) < profile->key_bits)
        return depth == 0 ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL;
    int bits;
    uint32_t flags;
    if ((X509_get_extension_flags(certificate) & EXFLAG_SS) == 0 &&
        X509_get_signature_info(certificate, NULL, NULL, &bits, &flags) == 1 &&
        bits < profile->signature_bits)
        return X509_V_ERR_CA_MD_TOO_WEAK;
    return X509_V_OK;
}

int gs_tls_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct gs_tls *tls = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int depth = X509_STORE_CTX_get_error_depth(store);
    if (good && certificate != NULL) {
        int weakness = weakness_of(tls->context->profile, certificate, depth);
        if (weakness == X509_V_OK)
            return 1;
        X509_STORE_CTX_set_error(store, weakness);
    } else if (good) {
        return 1;
    }
    tls->verify_result = X509_STORE_CTX_get_error(store);
    tls->verify_depth = depth;
    gs_tls_name(certificate != NULL ? X509_get_subject_name(certificate) : NULL,
                tls->verify_subject);
    return 0;
}

/* What to do about it, where something can be done. */
static const char *advice(int result)
{
    switch (result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "; nobody who issued it is among the certification authorities that are trusted";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        return "; a revocation list of its issuer is needed";
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return "; a newer revocation list is needed";
    case X509_V_ERR_INVALID_PURPOSE:
        return "; it is not made for this end of a connection";
    default:
        return "";
    }
}

static void certificate_failed(struct gs_tls *tls, const char *peer)
{
    gs_error_set(&tls->failure, "peer-certificate",
                 "the certificate of %s is not accepted: %s (%s%s)%s", peer,
                 X509_verify_cert_error_string(tls->verify_result),
                 tls->verify_depth > 0 ? "its issuer " : "", tls->verify_subject,
                 advice(tls->verify_result));
}

bool gs_tls_is_strong(struct gs_tls *tls)
{
    const struct gs_tls_profile *profile = tls->context->profile;
    const char *peer = tls->below->operations->peer(tls->below);
    char words[GS_TLS_WORDS_SIZE];
    X509 *theirs = SSL_get0_peer_certificate(tls->ssl);
    EVP_PKEY *key = theirs != NULL ? X509_get0_pubkey(theirs) : NULL, *exchange = NULL;
    if (theirs != NULL && (key == NULL || EVP_PKEY_get_security_bits(key) < profile->key_bits)) {
        gs_tls_key_name(key, words);
        gs_error_set(&tls->failure, "peer-certificate",
                     "the key of %s (%s) is weaker than the profile %s allows", peer, words,
                     profile->name);
        tls->outcome = GS_TLS_FAILED;
    } else if (SSL_get_peer_tmp_key(tls->ssl, &exchange) == 1 &&
               EVP_PKEY_get_security_bits(exchange) < profile->key_bits) {
        gs_tls_key_name(exchange, words);
        gs_error_set(&tls->failure, "tls-failed",
                     "the key exchange of %s (%s) is weaker than the profile %s allows", peer,
                     words, profile->name);
        tls->outcome = GS_TLS_FAILED;
    }
    EVP_PKEY_free(exchange);
    return tls->outcome != GS_TLS_FAILED;
}

/* --- a peer that does not speak TLS ------------------------------------------------------------
 */

static bool begins(const struct gs_tls *tls, const char *text)
{
    size_t size = strlen(text);
    return tls->greeting_size >= size && memcmp(tls->greeting, text, size) == 0;
}

/* The type of a record, and the first byte of a version, that all versions have in common. */
bool gs_tls_is_stranger(const struct gs_tls *tls)
{
    const unsigned char *greeting = tls->greeting;
    if (tls->greeting_size == 0)
        return false;
    return greeting[0] < SSL3_RT_CHANGE_CIPHER_SPEC || greeting[0] > SSL3_RT_APPLICATION_DATA ||
           (tls->greeting_size >= 2 && greeting[1] != SSL3_VERSION_MAJOR);
}

static const char *stranger(const struct gs_tls *tls)
{
    if (begins(tls, "HTTP"))
        return ": it is a web server";
    if (begins(tls, "GET ") || begins(tls, "POST") || begins(tls, "HEAD"))
        return ": it is a web client";
    if (begins(tls, "SSH-"))
        return ": it is an SSH server";
    if (tls->greeting_size >= 2 && tls->greeting[0] >= 1 && tls->greeting[0] <= 7 &&
        tls->greeting[1] == 0)
        return ", but plain DICOM";
    return "";
}

/* --- the handshake and after it ----------------------------------------------------------------
 */

static const struct {
    int alert;
    const char *meaning;
} alerts[] = {
    {SSL_AD_HANDSHAKE_FAILURE, "it allows none of the cipher suites that the profile has, or "
                               "demands a certificate"},
    {SSL_AD_PROTOCOL_VERSION, "it allows no version of TLS that the profile has"},
    {SSL_AD_INSUFFICIENT_SECURITY, "it demands stronger cipher suites than the profile has"},
    {TLS13_AD_CERTIFICATE_REQUIRED, "it demands a certificate of us"},
    {SSL_AD_BAD_CERTIFICATE, "it does not accept our certificate"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "it does not accept our certificate"},
    {SSL_AD_CERTIFICATE_REVOKED, "it does not accept our certificate"},
    {SSL_AD_CERTIFICATE_EXPIRED, "it does not accept our certificate"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "it does not accept our certificate"},
    {SSL_AD_UNKNOWN_CA, "it does not know who issued our certificate"},
    {SSL_AD_UNRECOGNIZED_NAME, "it does not know the server name that it was asked for"},
};

static void alerted(struct gs_tls *tls, const char *peer, int alert)
{
    const char *meaning = NULL;
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (alerts[i].alert == alert)
            meaning = alerts[i].meaning;
    gs_error_set(&tls->failure, "tls-failed", "%s ended TLS: %s (alert %d)", peer,
                 meaning != NULL ? meaning : SSL_alert_desc_string_long(alert), alert);
}

/* The connection ended, or broke, before the handshake was done. */
static void left(struct gs_tls *tls, const char *peer)
{
    const char *how = tls->below_ended ? "it closed the connection" : "the connection broke";
    if (tls->requestor && tls->greeting_size == 0)
        gs_error_set(&tls->failure, "tls-failed",
                     "%s does not speak TLS on this port, or not with us: %s at the handshake",
                     peer, how);
    else
        gs_error_set(&tls->failure, "tls-failed", "TLS with %s failed: %s in the handshake", peer,
                     how);
}

static void handshake_failed(struct gs_tls *tls, const char *peer)
{
    if (gs_tls_is_stranger(tls))
        gs_error_set(&tls->failure, "tls-failed", "%s does not speak TLS%s%s", peer,
                     tls->requestor ? " on this port" : "", stranger(tls));
    else
        left(tls, peer);
}

void gs_tls_describe_failure(struct gs_tls *tls)
{
    const char *peer = tls->below->operations->peer(tls->below);
    int reason = ERR_GET_REASON(ERR_peek_error());
    bool is_complaint = ERR_peek_error() != 0;
    char words[GS_TLS_WORDS_SIZE];
    if (!tls->standing && (!is_complaint || gs_tls_is_stranger(tls)))
        handshake_failed(tls, peer);
    else if (!is_complaint && tls->below_failure.code != NULL)
        tls->failure = tls->below_failure;
    else if (!is_complaint)
        gs_error_set(&tls->failure, "peer-closed",
                     "%s closed the connection without a close_notify of TLS: it was cut off",
                     peer);
    else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && tls->verify_result != X509_V_OK)
        certificate_failed(tls, peer);
    else if (reason >= SSL_AD_REASON_OFFSET)
        alerted(tls, peer, reason - SSL_AD_REASON_OFFSET);
    else
        gs_error_set(&tls->failure, "tls-failed", "TLS with %s failed: %s", peer,
                     gs_tls_complaint(words));
    ERR_clear_error();
}
