package web

import "net/http"

// sameSite refuses requests that change something and that another site made the user's browser send (CSRF). The browser says so
// itself: Sec-Fetch-Site (Fetch Metadata), or Origin where it does not know that header. The cookie's SameSite alone is not relied on.
//
// A request with the session's cookie, and a form, must say one of them. One without cookie may come from a program, which sends
// neither; if it says where it comes from, that must be here.
func sameSite(x *exchange) error {
	if x.method() == http.MethodGet || x.method() == http.MethodHead || x.method() == http.MethodOptions {
		return nil
	}
	refused := refuse(kindCrossSite, "a change must come from a page of this appliance: Sec-Fetch-Site or Origin says otherwise, or is missing")
	switch site := x.header("Sec-Fetch-Site"); site {
	case "same-origin", "none":
		return nil
	case "":
	default:
		return refused
	}
	switch origin := x.header("Origin"); {
	case origin != "":
		if origin == "https://"+string(x.ctx.Request().Header.Host()) {
			return nil
		}
		return refused
	case x.cookie() != "" || x.route.Page:
		return refused
	}
	return nil
}
