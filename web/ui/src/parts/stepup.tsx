import { useEffect, useRef, useState } from 'react'
import { api, Cancelled, onStepUp } from '../api/client'
import { useMe } from '../api/queries'
import { credentialFor } from './passkey'
import { Dialog } from './dialog'
import { Form, TextField } from './form'

/** Asks for a fresh proof where the API wants one (problem step-up-needed); the request that wanted it goes on afterwards. */
export function StepUp() {
  const [open, setOpen] = useState(false)
  const waiting = useRef<{ done: () => void; cancelled: (e: Error) => void }[]>([])
  const me = useMe().data
  useEffect(() => onStepUp(() => new Promise((done, cancelled) => {
    waiting.current.push({ done, cancelled })
    setOpen(true)
  })), [])
  const end = (proved: boolean) => {
    setOpen(false)
    for (const w of waiting.current.splice(0)) proved ? w.done() : w.cancelled(new Cancelled())
  }
  const byPasskey = async () => {
    const challenge = (await api.post('/api/v1/session/step-up/options', {})).data
    const credential = await credentialFor(challenge.options)
    await api.post('/api/v1/session/step-up', { body: { passkey: { ceremony: challenge.ceremony, credential: credential as never } } })
    end(true)
  }
  return (
    <Dialog title="Confirm that it is you" open={open} onClose={() => end(false)}>
      <p>What you are about to do wants a proof of the last ten minutes.</p>
      <Form button="Confirm" send={async (data) => {
        const code = String(data.get('code') ?? '').replace(/\s/g, '')
        await api.post('/api/v1/session/step-up', { body: { password: String(data.get('password') ?? ''), ...(code ? { code } : {}) } })
        end(true)
      }} after={<button type="button" onClick={() => end(false)}>Cancel</button>}>
        {(fault) => <>
          <input type="hidden" name="username" autoComplete="username" value={me?.email ?? ''} readOnly />
          <TextField label="Password" name="password" type="password" autoComplete="current-password" required autoFocus fault={fault('password')} />
          {me?.authenticator ? <TextField label="Code" name="code" inputMode="numeric" autoComplete="one-time-code" hint="Of your authenticator, or a recovery code" fault={fault('code')} /> : null}
        </>}
      </Form>
      {me && me.passkeys > 0 ? <PasskeyButton run={byPasskey} /> : null}
    </Dialog>
  )
}

function PasskeyButton({ run }: { run: () => Promise<void> }) {
  const [failure, setFailure] = useState('')
  return (
    <p>
      <button type="button" onClick={() => void run().catch((e: Error) => setFailure(e.message))}>Use a passkey instead</button>
      {failure ? <span className="fault" role="alert"> {failure}</span> : null}
    </p>
  )
}
