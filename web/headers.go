package web

// securityHeaders go with every reply, errors and redirects too. The policy lets a page load, show and send to nothing but this
// appliance, run no inline script, and be framed by nobody; the working screens are built to it.
var securityHeaders = [...][2]string{
	{"Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload"},
	{"Content-Security-Policy", "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},        // for browsers that do not know frame-ancestors
	{"Referrer-Policy", "same-origin"}, // not no-referrer: with that, forms send "Origin: null"
	{"Permissions-Policy", permissionsPolicy},
}

// permissionsPolicy lets pages use passkeys and nothing else that browsers know.
const permissionsPolicy = "publickey-credentials-get=(self), publickey-credentials-create=(self), " +
	"accelerometer=(), autoplay=(), bluetooth=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), " +
	"hid=(), identity-credentials-get=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), " +
	"screen-wake-lock=(), serial=(), storage-access=(), usb=(), web-share=(), window-management=(), xr-spatial-tracking=()"

// setHeaders gives every reply, errors too, its security headers. Nothing is kept by caches unless a handler says so.
func (s *Server) setHeaders(x *exchange) {
	for _, h := range securityHeaders {
		x.set(h[0], h[1])
	}
	x.set("X-Request-Id", x.source.Request)
	x.set("Cache-Control", "no-store")
}
