package page

// Ask is a page that asks for one thing: a password, a code, a passphrase.
type Ask struct {
	Frame
	Caution string // to be read before
	Passkey Passkey
	Form    Form
	Others  []Form // other ways to say it
	Links   []Link
}

func (Ask) template() string { return "ask" }

// Tell is a page that says one thing and leads on.
type Tell struct {
	Frame
	Texts []string
	Next  Link // the button; no path is none
	Links []Link
}

func (Tell) template() string { return "tell" }

// Show is a page that shows secrets once, to be kept on paper or handed on.
type Show struct {
	Frame
	Caution string
	Secrets []Shown
	Codes   *Codes
	Next    Link // the button
	Links   []Link
}

func (Show) template() string { return "show" }

// Shown is a secret with what it is for.
type Shown struct {
	Label, Text, Hint string
}

// Codes are recovery codes, with what a print of them needs to say.
type Codes struct {
	List    []string
	Account string // whose they are
	Host    string // the appliance's
	Made    string // when
}

// Enrol is a page that brings an authenticator application in: a QR code, the same as text, and a code in return.
type Enrol struct {
	Frame
	QR     QR
	Secret string
	Form   Form
}

func (Enrol) template() string { return "enrol" }

// Passkey is the button for a passkey, which shows itself where the browser runs scripts and knows passkeys. The zero value is
// none.
type Passkey struct {
	Use    string // "sign-in", "step-up" or "add": see passkey.js
	Text   string // on the button
	Next   string // the path to go to when it is done
	Ticket string // of a password that was right, where the passkey comes second
	Sheet  Codes  // of recovery codes that come with it, which the script fills in
	Or     bool   // other ways follow
}

// Problem is an error as a person reads it.
type Problem struct {
	Frame
	Status  int
	Detail  string
	Mend    string // what to do
	Request string // its id, by which the log is searched
	Links   []Link
}

func (Problem) template() string { return "problem" }

func (a Ask) frame() Frame {
	a.Passkeys = a.Passkeys || a.Passkey.Use != "" || a.Form.Passkey.Use != ""
	return a.Frame
}
