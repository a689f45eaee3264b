package notify

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/qrsrisk/qrsd/store/directory"
	"github.com/qrsrisk/qrsd/web/page"
)

// lineWidth is where paragraphs break, in characters (RFC 5322 §2.1.1 recommends up to 78).
const lineWidth = 74

// letter is subject and text of a message. What people have typed (names) is on one line and never in the subject, so that nobody
// writes to another in the appliance's name more than that.
func letter(n directory.Notice, site string) (subject, body string) {
	subject, paragraphs := words(n, site)
	var b strings.Builder
	write := func(paragraph string) { b.WriteString(wrapped(paragraph) + "\n\n") }
	write("Hello " + oneLine(n.Name) + ",")
	for _, p := range paragraphs {
		write(p)
	}
	if from := whence(n); from != "" {
		write(from)
	}
	b.WriteString("-- \n" + wrapped(fmt.Sprintf("Sent by the qrsd appliance %s to %s, because of %s. Nobody reads answers to this message.", site, n.Email, account(n))) + "\n")
	return subject, b.String()
}

// words are the subject and the paragraphs between salutation and signature.
func words(n directory.Notice, site string) (subject string, paragraphs []string) {
	const (
		notYou = "If this was not you, sign in, end all other sessions and change your password at once; if you cannot sign in any more, tell an administrator."
		ask    = "If you did not expect this, ask an administrator."
	)
	switch n.Kind {
	case directory.NoticeInvitation:
		return "You are invited", []string{
			fmt.Sprintf("you are invited to %s in the role %s. Choose your password here:", organisation(n), n.Role),
			page.AcceptLink(site, n.Token.Reveal()),
			"The link is good once, until " + minute(n.Expires) + ". Whoever has it can take the account: do not pass it on. " + ask,
		}
	case directory.NoticePasswordReset:
		return "Set a new password", []string{
			"a new password was asked for, for " + account(n) + ". Choose it here:",
			page.ResetLink(site, n.Token.Reveal()),
			"The link is good once, until " + minute(n.Expires) + ". Your second factor stays as it is. If you did not ask for this, do nothing: your password stays as it is.",
		}
	case directory.NoticeAccountAdded:
		return "You have an account", []string{
			fmt.Sprintf("%s was made for you, in the role %s. Its one-time password comes from the person who made it, not by mail; it ends on %s.", account(n), n.Role, minute(n.Expires)),
			"Sign in with it and choose a password of your own:", site + page.SignInPath, ask,
		}
	case directory.NoticeOneTimePassword:
		return "Your password was replaced", []string{
			fmt.Sprintf("an administrator has replaced the password of %s by a one-time password, and ended its sessions. You get it from that person, not by mail; it ends on %s.", account(n), minute(n.Expires)),
			"Sign in with it and choose a password of your own:", site + page.SignInPath, ask,
		}
	case directory.NoticePasswordChanged:
		return "Your password was changed", []string{"the password of " + account(n) + " was changed, and all its sessions were ended.", notYou}
	case directory.NoticeSecondFactorAdded:
		return "A second factor was added", []string{"an authenticator application is now the second factor of " + account(n) + ".", notYou}
	case directory.NoticeSecondFactorRemoved:
		return "Your second factor was removed", []string{"the second factor of " + account(n) + " was removed.", notYou}
	case directory.NoticeSecondFactorReset:
		return "Your second factor was reset", []string{
			"an administrator has removed the second factor, the passkeys and the recovery codes of " + account(n) + ". Sign in with your password and enrol a new one:",
			site + page.SignInPath, "If you did not ask for this, tell another administrator at once.",
		}
	case directory.NoticePasskeyAdded:
		return "A passkey was added", []string{"the passkey " + quoted(n.Item) + " can now sign in to " + account(n) + ".", notYou}
	case directory.NoticePasskeyRemoved:
		return "A passkey was removed", []string{"the passkey " + quoted(n.Item) + " of " + account(n) + " was removed.", notYou}
	case directory.NoticeRecoveryCodeUsed:
		return "A recovery code was used", []string{
			fmt.Sprintf("somebody signed in to %s with a recovery code. Codes left: %d. When they run out, make new ones.", account(n), n.RecoveryCodes), notYou,
		}
	case directory.NoticeRecoveryCodesNew:
		return "You have new recovery codes", []string{"new recovery codes were made for " + account(n) + "; those of before are void.", notYou}
	case directory.NoticeRoleChanged:
		return "Your role was changed", []string{fmt.Sprintf("%s has the role %s now, and its sessions were ended. Sign in anew.", account(n), n.Role), ask}
	case directory.NoticeDisabled:
		return "Your account was disabled", []string{account(n) + " was disabled: its sessions were ended and its API keys stopped.", ask}
	case directory.NoticeEnabled:
		return "Your account was enabled", []string{account(n) + " can be used again; its API keys work again as well.", ask}
	case directory.NoticeAdministratorAdded:
		return "An administrator was added", []string{"an operator of the appliance added an administrator to " + organisation(n) + ", which you administer. Its list of users says whom.", ask}
	case directory.NoticeBackupFailed:
		return "A backup failed", []string{
			"the last backup to " + quoted(n.Item) + " failed, or could not be restored. What was done since the backup before it would be lost with this host. Whoever signs in with " + account(n) + " sees why:",
			site + "/api/v1/system/backups",
		}
	case directory.NoticeBackupLeft:
		return "Old backups could not be removed", []string{
			"the last backup to " + quoted(n.Item) + " is whole, but something there that was to go could not be removed: what is past its time, or key files from before an erasure. Whoever signs in with " + account(n) + " sees why:",
			site + "/api/v1/system/backups",
		}
	case directory.NoticeDrillFailed:
		return "A backup cannot be restored", []string{
			"a drill could not restore a backup of " + quoted(n.Item) + ": it is not to be relied on. Make another one, and find out what damaged it. Whoever signs in with " + account(n) + " sees what was found:",
			site + "/api/v1/system/drills",
		}
	}
	// A kind of a later version, in a store that went back: said without its particulars rather than not at all.
	return "Your account was changed", []string{"something about " + account(n) + " was changed. Sign in and look at it:", site + page.SignInPath, ask}
}

// account names the account that a message is about.
func account(n directory.Notice) string { return "your account at " + organisation(n) }

// organisation is the tenant, or the appliance itself.
func organisation(n directory.Notice) string {
	if n.TenantName == "" {
		return "the appliance itself"
	}
	return oneLine(n.TenantName)
}

// whence says when and from where what the message is about was done. What the client says of itself is left out: a stranger who
// asks for a reset could write in our name there.
func whence(n directory.Notice) string {
	at := "When: " + minute(n.Created)
	address, err := netip.ParseAddr(n.Address)
	if err != nil {
		return at
	}
	return at + ", from " + address.String()
}

func minute(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

// insideDot is a dot with more of a word behind it.
var insideDot = regexp.MustCompile(`\.(\S)`)

// oneLine makes what was typed by others harmless: one line, and nothing that mail programs make a link of.
func oneLine(text string) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	text = strings.ReplaceAll(text, "://", ": //")
	text = insideDot.ReplaceAllString(text, ". $1") // www.example.com is made a link of as well
	return strings.Join(strings.Fields(text), " ")
}

func quoted(text string) string { return "\u201c" + oneLine(text) + "\u201d" }

// wrapped breaks a paragraph at blanks. A word that is longer than a line, as a link, stays whole.
func wrapped(paragraph string) string {
	var b strings.Builder
	width := 0
	for i, word := range strings.Fields(paragraph) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case width+1+n > lineWidth:
			b.WriteByte('\n')
			width = 0
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
	}
	return b.String()
}
