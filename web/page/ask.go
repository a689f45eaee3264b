package page

// Ask is a page that asks for one thing: a password, a code, a passphrase.
type Ask struct {
	Frame
	Form    Form
	Caution string // to be read before
	Passkey Passkey
	Links   []Link // other ways
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

// Passkey is the button for a passkey, which shows itself where the browser has a script and knows passkeys. The zero value
// is none.
type Passkey struct {
	Use  string // "sign-in", "second-factor", "step-up", "add"
	Text string // on the button
	Next string // the path to go to when it is done
	Form string // the id of a form whose fields go along
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
