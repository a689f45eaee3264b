// Package page draws the appliance's own pages as HTML: sign-in, second factor, set-up, one's own account, what administrators and
// the operator need until the terminal is there, and errors. They work without JavaScript; the one script is for passkeys,
// which a browser offers to scripts only.
//
// It holds the layout, the style sheet, the script and one type for each page, whose fields are what the page shows. It
// knows neither requests nor the directory: package web fills the pages in, and sends what Render gives. A page never shows a
// secret that somebody typed; what the appliance shows once (a recovery code, a new key) is a field of the page that does.
//
// # Rules
//
// Pages obey the policy that they are served with: no inline script, no inline style, no address of elsewhere, no markup
// made by a script (Trusted Types). One thing per page, an error summary that links to the fields, words on buttons, in the
// manner of the GOV.UK design system. Colours and type are those of the terminal.
//
// Begin with New and Site.Render; for a page with a content of its own, as the documentation of the API, Site.Parse.
package page
