// Is this processor faster with AES or with ChaCha20? Measured, because neither the flag alone (OpenSSL may not use it)
// nor the clock alone (somebody else may have it) says.
#pragma once

namespace postern {

// ns of CPU to seal one DTLS record of 1,400 B; 0 = not to be had.
struct CipherSpeed {
  double aes256Gcm = 0, chacha20 = 0;
};

// The median of short runs of both by turns; 0.5 ms, on a small board without AES about 5 ms.
CipherSpeed measureCiphers();

// The flag decides, unless the measurement contradicts it by a wide margin.
bool prefersChacha(const CipherSpeed& speed, bool hasAes) noexcept;

// Of this processor, measured at the first call of the process. Any thread.
bool processorPrefersChacha();

}  // namespace postern
