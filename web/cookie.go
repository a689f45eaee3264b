package web

// cookieName is the session's cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain, so that no
// neighbouring host can set it (RFC 6265bis §4.1.3.2).
const cookieName = "__Host-qrsd"
