// The second factor by an authenticator application (TOTP), and the recovery codes.
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, TextField } from '../../parts/form'
import { Facts, Tag } from '../../parts/state'
import { copy, CopyText, Notice } from '../../parts/states'
import { toast } from '../../parts/toast'

type Me = Schemas['Me']

export function SecondFactor({ me }: { me: Me }) {
  const refresh = useRefresh()
  const [deed, setDeed] = useState<'enrol' | 'remove' | 'codes'>()
  const [codes, setCodes] = useState<readonly string[]>()
  const close = () => setDeed(undefined)
  const password = (data: FormData) => ({ password: String(data.get('password') ?? '') })
  return (
    <section className="panel">
      <h2>Second factor</h2>
      <Facts of={[
        ['Authenticator', me.authenticator ? <Tag key="a" mark="✓" tone="ok">In place</Tag> : <span key="a" className="muted">none</span>],
        ['Passkeys', me.passkeys > 0 ? <Tag key="p" mark="✓" tone="ok">{String(me.passkeys)}</Tag> : <span key="p" className="muted">none</span>],
        ['Recovery codes', me.second_factor ? <span key="r">{me.recovery_codes} left {me.recovery_codes < 3 ? <Tag mark="!" tone="warn">draw new ones</Tag> : null}</span> : <span key="r" className="muted">come with the first second factor</span>],
      ]} />
      <div className="actions">
        <button type="button" className={me.second_factor ? undefined : 'primary'} onClick={() => setDeed('enrol')}>{me.authenticator ? 'Bring another application in …' : 'Add an authenticator …'}</button>
        {me.second_factor ? <button type="button" onClick={() => setDeed('codes')}>New recovery codes …</button> : null}
        {me.authenticator ? <button type="button" className="danger" onClick={() => setDeed('remove')}>Remove the authenticator …</button> : null}
      </div>
      {deed === 'enrol' ? <Enrol replaces={me.authenticator} onClose={close} onDone={async (all) => { close(); setCodes(all); await refresh('/api/v1/me') }} /> : null}
      {deed === 'codes' ? <Proof title="New recovery codes" button="Draw new codes" text="The codes of before become void." onClose={close} send={async (data) => {
        const made = (await api.post('/api/v1/me/recovery-codes', { body: password(data) })).data
        await refresh('/api/v1/me')
        close()
        setCodes(made.recovery_codes)
      }} /> : null}
      {deed === 'remove' ? <Proof title="Remove the authenticator" button="Remove it" danger text="Its codes no longer count. Where your role or tenant asks for a second factor and this is the last, it stays." onClose={close} send={async (data) => {
        await api.delete('/api/v1/me/second-factor', { body: password(data) })
        await refresh('/api/v1/me')
        close()
        toast('The authenticator was removed')
      }} /> : null}
      {codes ? <Codes codes={codes} of={me.email} onClose={() => setCodes(undefined)} /> : null}
    </section>
  )
}

function Proof({ title, text, button, danger, send, onClose }: { title: string; text: string; button: string; danger?: boolean; send: (data: FormData) => Promise<void>; onClose: () => void }) {
  return (
    <Dialog title={title} open onClose={onClose}>
      <p>{text}</p>
      <Form button={button} danger={danger ?? false} send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <TextField label="Password" name="password" type="password" autoComplete="current-password" required autoFocus fault={fault('password')} />}
      </Form>
    </Dialog>
  )
}

/** Two steps: the password for a secret, and a code of the application that has it. */
function Enrol({ replaces, onClose, onDone }: { replaces: boolean; onClose: () => void; onDone: (codes: readonly string[]) => Promise<void> }) {
  const [begun, setBegun] = useState<Schemas['Enrolment']>()
  if (!begun) {
    return <Proof title="Add an authenticator" button="Go on" text={replaces ? 'The application of before no longer counts afterwards. All your other sessions end.' : 'An application on your phone, or a password manager, that makes a code every 30 seconds. All your other sessions end.'} onClose={onClose} send={async (data) => {
      setBegun((await api.post('/api/v1/me/second-factor', { body: { password: String(data.get('password') ?? '') } })).data)
    }} />
  }
  return (
    <Dialog title="Bring the application in" open onClose={onClose}>
      <p>Scan this with the application, or type the secret. It is shown this once and is good for 15 minutes.</p>
      <div className="enrol">
        <svg className="qr" role="img" aria-label="QR code of the secret" viewBox={`0 0 ${begun.qr.side} ${begun.qr.side}`} shapeRendering="crispEdges"><rect width={begun.qr.side} height={begun.qr.side} fill="#fff" /><path d={begun.qr.path} fill="#000" /></svg>
        <div><p className="muted small">Secret</p><p data-secret="totp"><CopyText text={begun.secret} /></p><p><a href={begun.uri}>Open it in an application on this device</a></p></div>
      </div>
      <Form button="Confirm the code" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const made = (await api.post('/api/v1/me/second-factor/confirm', { body: { code: String(data.get('code') ?? '').replace(/\s/g, '') } })).data
        await onDone(made.recovery_codes)
      }}>{(fault) => <TextField label="Code" name="code" inputMode="numeric" autoComplete="one-time-code" required autoFocus hint="The six digits that the application shows now" fault={fault('code')} />}</Form>
    </Dialog>
  )
}

/** Recovery codes, shown once. */
export function Codes({ codes, of, onClose }: { codes: readonly string[]; of: string; onClose: () => void }) {
  const [kept, setKept] = useState(false)
  const text = `Recovery codes of ${of} on ${location.host}\nEach stands in for the second factor once.\n\n${codes.join('\n')}\n`
  return (
    <Dialog title="Your recovery codes" open onClose={onClose}>
      <p>Each stands in for the second factor once: for the day that the phone is lost. Those of before are void.</p>
      <ol className="codes" data-secret="recovery-codes">{codes.map((c) => <li key={c}><code>{c}</code></li>)}</ol>
      <div className="actions"><button type="button" onClick={() => void copy(text)}>Copy</button><button type="button" onClick={() => window.print()}>Print</button></div>
      <Notice tone="warn">They are shown this once. Keep them apart from your password.</Notice>
      <label className="inline"><input type="checkbox" checked={kept} onChange={(e) => setKept(e.target.checked)} /> I have kept them</label>
      <div className="actions"><button type="button" className="primary" disabled={!kept} onClick={onClose}>Done</button></div>
    </Dialog>
  )
}
