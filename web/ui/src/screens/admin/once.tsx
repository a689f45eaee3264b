// Dialogs that sections share: a secret that is shown once, and a question before something that is not taken back.
import { useState, type ReactNode } from 'react'
import { Dialog } from '../../parts/dialog'
import { Form, TextField } from '../../parts/form'
import { copy, Notice } from '../../parts/states'

export interface Secret { title: string; what: ReactNode; secret: string; name: string }

/** A secret that the API gave just now and never gives again. It is held by this dialog alone. */
export function Once({ of, onClose }: { of: Secret; onClose: () => void }) {
  const [kept, setKept] = useState(false)
  return (
    <Dialog title={of.title} open onClose={onClose} wide>
      <p>{of.what}</p>
      <div className="secret"><code data-secret={of.name}>{of.secret}</code><button type="button" onClick={() => void copy(of.secret)}>Copy</button></div>
      <Notice tone="warn">It is shown this once. The appliance keeps nothing from which it could be shown again.</Notice>
      <label className="inline"><input type="checkbox" checked={kept} onChange={(e) => setKept(e.target.checked)} /> I have kept it where it belongs</label>
      <div className="actions"><button type="button" className="primary" disabled={!kept} onClick={onClose}>Done</button></div>
    </Dialog>
  )
}

/** Asks before something that is not taken back. word: what has to be typed first. */
export function Confirm({ title, button, word, send, onClose, children }: { title: string; button: string; word?: string; send: () => Promise<void>; onClose: () => void; children: ReactNode }) {
  const [typed, setTyped] = useState('')
  const ready = word === undefined || typed === word
  return (
    <Dialog title={title} open onClose={onClose}>
      <div>{children}</div>
      <Form button={button} danger send={async () => { if (ready) { await send(); onClose() } }} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {() => (word === undefined ? null : <TextField label={`Type “${word}” to go on`} name="word" value={typed} autoComplete="off" spellCheck={false} onChange={(e) => setTyped(e.target.value)} fault={typed !== '' && !ready && !word.startsWith(typed) ? 'It is written otherwise.' : undefined} />)}
      </Form>
    </Dialog>
  )
}
