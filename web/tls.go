package web

import "crypto/tls"

// tlsConfig is TLS 1.3, or with AllowTLS12 also 1.2 with forward secrecy and authenticated encryption only (RFC 9325 §4.2).
// Fiber's own listener would allow more. Certificates are asked for at every handshake.
func (s *Server) tlsConfig() *tls.Config {
	o := s.options.TLS
	c := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: o.Certificate,
	}
	if o.AllowTLS12 {
		c.MinVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	}
	if o.ClientCAs == nil {
		return c
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if o.RequireClient {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	c.SessionTicketsDisabled = true // a resumed session would carry a certificate of authorities of before
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := c.Clone()
		now.GetConfigForClient = nil
		now.ClientCAs = o.ClientCAs()
		return now, nil
	}
	return c
}
