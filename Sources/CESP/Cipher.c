#include "CESP.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

// intel-ipsec-mb seals four times as fast as libcrypto 3.0 where the processor has VAES. It is used where its header was there when this was
// compiled and its library is when the process starts; nothing is linked.
#if defined(__x86_64__) && __has_include(<intel-ipsec-mb.h>)
#define CESP_IPSEC_MB 1
#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdio.h>
#endif

#define SALT_BYTES 4
#define NONCE_BYTES 12
#define ADDITIONAL_BYTES 12
#define HEADER_BYTES 16
#define ICV_BYTES 16

struct cesp_cipher {
    uint8_t nonce[16];
    uint8_t additional[16];
    EVP_CIPHER_CTX *context;
#ifdef CESP_IPSEC_MB
    int is_short;
    struct gcm_key_data *key;
    struct gcm_context_data *state;
#endif
};

#ifdef CESP_IPSEC_MB
static IMB_MGR *manager;
static char manager_name[64];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_manager(void) {
    char soname[32];
    // The number is the interface's: libIPSec_MB.so.1 for 1.x.
    snprintf(soname, sizeof soname, "libIPSec_MB.so.%d", (int)(IMB_VERSION_NUM >> 16));
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    IMB_MGR *(*make)(uint64_t) = (IMB_MGR * (*)(uint64_t)) dlsym(library, "alloc_mb_mgr");
    void (*prepare)(IMB_MGR *, IMB_ARCH *) = (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(library, "init_mb_mgr_auto");
    unsigned (*version)(void) = (unsigned (*)(void))dlsym(library, "imb_get_version");
    // The manager's layout is the header's: another version than it was compiled for is left alone.
    if (!make || !prepare || !version || version() != IMB_VERSION_NUM) return;
    IMB_MGR *made = make(0);
    if (!made) return;
    prepare(made, NULL);
    if (!made->gcm256_enc || !made->gcm128_enc) return;
    snprintf(manager_name, sizeof manager_name, "intel-ipsec-mb %s", IMB_VERSION_STR);
    manager = made;
}
#endif

const char *cesp_cipher_library(void) {
#ifdef CESP_IPSEC_MB
    pthread_once(&once, find_manager);
    if (manager) return manager_name;
#endif
    return OpenSSL_version(OPENSSL_VERSION);
}

struct cesp_cipher *cesp_cipher_new(const uint8_t *key, size_t length, const uint8_t *salt, int seals) {
    if (length != 16 && length != 32) return NULL;
    struct cesp_cipher *cipher = calloc(1, sizeof *cipher);
    if (!cipher) return NULL;
    memcpy(cipher->nonce, salt, SALT_BYTES);
#ifdef CESP_IPSEC_MB
    pthread_once(&once, find_manager);
    if (manager) {
        cipher->is_short = length == 16;
        cipher->key = aligned_alloc(64, (sizeof *cipher->key + 63) & ~(size_t)63);
        cipher->state = aligned_alloc(64, (sizeof *cipher->state + 63) & ~(size_t)63);
        if (!cipher->key || !cipher->state) {
            cesp_cipher_free(cipher);
            return NULL;
        }
        if (cipher->is_short) IMB_AES128_GCM_PRE(manager, key, cipher->key);
        else IMB_AES256_GCM_PRE(manager, key, cipher->key);
        return cipher;
    }
#endif
    cipher->context = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *kind = length == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    if (!cipher->context || EVP_CipherInit_ex(cipher->context, kind, NULL, key, NULL, seals) != 1) {
        cesp_cipher_free(cipher);
        return NULL;
    }
    return cipher;
}

void cesp_cipher_free(struct cesp_cipher *cipher) {
#ifdef CESP_IPSEC_MB
    if (cipher->key) {
        OPENSSL_cleanse(cipher->key, sizeof *cipher->key);
        free(cipher->key);
    }
    if (cipher->state) {
        OPENSSL_cleanse(cipher->state, sizeof *cipher->state);
        free(cipher->state);
    }
#endif
    EVP_CIPHER_CTX_free(cipher->context);
    OPENSSL_cleanse(cipher, sizeof *cipher);
    free(cipher);
}

// RFC 4106 sections 4 and 5: the nonce is salt and IV; SPI and sequence number are covered, with the high half between them.
static void prepare_packet(struct cesp_cipher *cipher, const uint8_t *packet, uint32_t high) {
    memcpy(cipher->nonce + SALT_BYTES, packet + 8, 8);
    memcpy(cipher->additional, packet, 4);
    cipher->additional[4] = (uint8_t)(high >> 24);
    cipher->additional[5] = (uint8_t)(high >> 16);
    cipher->additional[6] = (uint8_t)(high >> 8);
    cipher->additional[7] = (uint8_t)high;
    memcpy(cipher->additional + 8, packet + 4, 4);
}

int cesp_seal(struct cesp_cipher *cipher, void *start, const void *from, size_t count, uint32_t high) {
    uint8_t *packet = start, *out = packet + HEADER_BYTES;
    prepare_packet(cipher, packet, high);
#ifdef CESP_IPSEC_MB
    if (cipher->key) {
        if (cipher->is_short)
            IMB_AES128_GCM_ENC(manager, cipher->key, cipher->state, out, from, count, cipher->nonce, cipher->additional, ADDITIONAL_BYTES, out + count, ICV_BYTES);
        else
            IMB_AES256_GCM_ENC(manager, cipher->key, cipher->state, out, from, count, cipher->nonce, cipher->additional, ADDITIONAL_BYTES, out + count, ICV_BYTES);
        return 1;
    }
#endif
    EVP_CIPHER_CTX *context = cipher->context;
    int done = 0;
    return EVP_EncryptInit_ex(context, NULL, NULL, NULL, cipher->nonce) == 1
        && EVP_EncryptUpdate(context, NULL, &done, cipher->additional, ADDITIONAL_BYTES) == 1
        && EVP_EncryptUpdate(context, out, &done, from, (int)count) == 1
        && EVP_EncryptFinal_ex(context, out + done, &done) == 1
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, ICV_BYTES, out + count) == 1;
}

int cesp_open(struct cesp_cipher *cipher, void *start, size_t count, uint32_t high) {
    uint8_t *packet = start, *body = packet + HEADER_BYTES;
    prepare_packet(cipher, packet, high);
#ifdef CESP_IPSEC_MB
    if (cipher->key) {
        uint8_t icv[ICV_BYTES];
        if (cipher->is_short)
            IMB_AES128_GCM_DEC(manager, cipher->key, cipher->state, body, body, count, cipher->nonce, cipher->additional, ADDITIONAL_BYTES, icv, ICV_BYTES);
        else
            IMB_AES256_GCM_DEC(manager, cipher->key, cipher->state, body, body, count, cipher->nonce, cipher->additional, ADDITIONAL_BYTES, icv, ICV_BYTES);
        return CRYPTO_memcmp(icv, body + count, ICV_BYTES) == 0;
    }
#endif
    EVP_CIPHER_CTX *context = cipher->context;
    int done = 0;
    return EVP_DecryptInit_ex(context, NULL, NULL, NULL, cipher->nonce) == 1
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ICV_BYTES, body + count) == 1
        && EVP_DecryptUpdate(context, NULL, &done, cipher->additional, ADDITIONAL_BYTES) == 1
        && EVP_DecryptUpdate(context, body, &done, body, (int)count) == 1
        && EVP_DecryptFinal_ex(context, body + done, &done) == 1;
}

int cesp_digest(const void *bytes, size_t length, uint8_t digest[32]) {
    unsigned written = 0;
    return EVP_Digest(bytes, length, digest, &written, EVP_sha256(), NULL) == 1 && written == 32;
}
