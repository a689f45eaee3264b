// One's own account: name, password, second factor, passkeys, sessions, and how this browser shows things.
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useGet, useMe, useRead, useRefresh } from '../../api/queries'
import { ago } from '../../format'
import { Form, TextField } from '../../parts/form'
import { Head } from '../../parts/frame'
import { newCredential } from '../../parts/passkey'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Notice, Ready } from '../../parts/states'
import { Dialog } from '../../parts/dialog'
import { toast } from '../../parts/toast'
import { Confirm } from '../admin/once'
import { browserOf } from './browser'
import { Codes, SecondFactor } from './factor'
import { Here } from './here'
import '../admin/admin.css'
import './profile.css'

export default function Profile() {
  const me = useRead('/api/v1/me', {})
  return (
    <div className="screen">
      <Head title="Profile" />
      <Ready of={{ data: me.data, error: me.error, refetch: me.refetch }} rows={10}>{({ data, etag }) => (
        <div className="profile">
          <div className="section">
            <section className="panel"><h2>Account</h2><Facts of={[
              ['E-mail', data.email], ['Role', data.role], ...(data.tenant_name ? [['Tenant', data.tenant_name] as const] : []), ['Signed in', <Time key="s" at={data.signed_in} />], ['Made', <Time key="c" at={data.created} />], ['Id', <CopyText key="i" text={data.id} />],
            ]} /><Name key={etag} name={data.name} etag={etag} /></section>
            <Password me={data} />
            <Here />
          </div>
          <div className="section">
            <SecondFactor me={data} />
            <Passkeys me={data} />
            <Sessions />
          </div>
        </div>
      )}</Ready>
    </div>
  )
}

function Name({ name, etag }: { name: string; etag: string | undefined }) {
  const refresh = useRefresh()
  return (
    <Form button="Save the name" send={async (data) => {
      await api.patch('/api/v1/me', { etag, body: { name: String(data.get('name')) } })
      await refresh('/api/v1/me', '/api/v1/people')
      toast('Saved')
    }}>{(fault) => <TextField label="Name" name="name" defaultValue={name} required maxLength={200} autoComplete="name" hint="Shown to others" fault={fault('name')} />}</Form>
  )
}

function Password({ me }: { me: Schemas['Me'] }) {
  const refresh = useRefresh()
  const [again, setAgain] = useState(0) // empties the fields
  return (
    <section className="panel">
      <h2>Password</h2>
      <Form key={again} button="Change the password" send={async (data) => {
        await api.put('/api/v1/me/password', { body: { password: String(data.get('password')), new_password: String(data.get('new_password')) } })
        await refresh('/api/v1/me')
        setAgain((n) => n + 1)
        toast('Password changed; all other sessions ended')
      }}>
        {(fault) => <>
          <input type="hidden" name="username" autoComplete="username" value={me.email} readOnly />
          <TextField label="Present password" name="password" type="password" autoComplete="current-password" required fault={fault('password')} />
          <TextField label="New password" name="new_password" type="password" autoComplete="new-password" required minLength={12} hint="12 to 256 characters, in no list of passwords that leaked. All your other sessions end." fault={fault('new_password')} />
        </>}
      </Form>
    </section>
  )
}

type Passkey = Schemas['Passkey']

function Passkeys({ me }: { me: Schemas['Me'] }) {
  const list = useGet('/api/v1/me/passkeys', {})
  const refresh = useRefresh()
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Passkey>()
  const [codes, setCodes] = useState<readonly string[]>()
  const able = typeof PublicKeyCredential === 'function'
  return (
    <section className="panel">
      <div className="section-head"><h2>Passkeys</h2>{able ? <button type="button" onClick={() => setAdding(true)}>Add a passkey …</button> : null}</div>
      {able ? null : <Notice>This browser has no passkeys.</Notice>}
      <Ready of={list} rows={2}>{(data) => {
        const all = data.items as Passkey[]
        if (all.length === 0) return <p className="muted">None. A passkey signs you in by the lock of your device, and cannot be handed to a false page.</p>
        return <ul className="things">{all.map((k) => (
          <li key={k.id}><div><strong>{k.name}</strong> {k.synced ? <span className="muted">on several devices</span> : <span className="muted">on one device</span>}
            <div className="muted small">made <Time at={k.created} />{k.used ? <> · used <Time at={k.used} /></> : ' · never used'}</div>
            {k.copied ? <p className="fault">! It was refused on <Time at={k.copied} />, because its counter went back: it may have been copied.</p> : null}</div>
            <button type="button" onClick={() => setRemoving(k)}>Remove …</button></li>
        ))}</ul>
      }}</Ready>
      {adding ? <AddPasskey onClose={() => setAdding(false)} onAdded={async (added) => {
        await refresh('/api/v1/me')
        setAdding(false)
        if (added.recovery_codes?.length) setCodes(added.recovery_codes)
        toast('Passkey added')
      }} /> : null}
      {removing ? <Confirm title={`Remove “${removing.name}”`} button="Remove" onClose={() => setRemoving(undefined)} send={async () => {
        await api.delete('/api/v1/me/passkeys/{id}', { path: { id: removing.id } })
        await refresh('/api/v1/me')
        toast('Passkey removed')
      }}><p>It no longer signs you in. Remove it from your device too.</p></Confirm> : null}
      {codes ? <Codes codes={codes} of={me.email} onClose={() => setCodes(undefined)} /> : null}
    </section>
  )
}

function AddPasskey({ onClose, onAdded }: { onClose: () => void; onAdded: (added: Schemas['PasskeyAdded']) => Promise<void> }) {
  const [failure, setFailure] = useState('')
  return (
    <Dialog title="Add a passkey" open onClose={onClose}>
      <p>Your browser asks next where to keep it: this device, a phone, or a security key. All your other sessions end.</p>
      {failure ? <Notice tone="error">{failure}</Notice> : null}
      <Form button="Go on" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        setFailure('')
        const challenge = (await api.post('/api/v1/me/passkeys/options', {})).data
        let credential: unknown
        try {
          credential = await newCredential(challenge.options)
        } catch (e) {
          setFailure(e instanceof Error ? e.message : String(e))
          return
        }
        const added = (await api.post('/api/v1/me/passkeys', { body: { ceremony: challenge.ceremony, name: String(data.get('name')), credential: credential as never } })).data
        await onAdded(added)
      }}>{(fault) => <TextField label="Name" name="name" required autoFocus maxLength={200} autoComplete="off" hint="For you, as in “Work laptop”" defaultValue={browserOf(navigator.userAgent)} fault={fault('name')} />}</Form>
    </Dialog>
  )
}

type Session = Schemas['UserSession']

function Sessions() {
  const list = useGet('/api/v1/me/sessions', {})
  const refresh = useRefresh()
  const me = useMe().data
  const [ending, setEnding] = useState<Session | 'all'>()
  return (
    <section className="panel">
      <div className="section-head"><h2>Sessions</h2><button type="button" onClick={() => setEnding('all')}>End all …</button></div>
      <Ready of={list} rows={3}>{(data) => (
        <ul className="things">{[...(data.items as Session[])].reverse().map((s) => (
          <li key={s.id}><div><strong>{browserOf(s.user_agent)}</strong> {s.current ? <Tag mark="●" tone="ok">This one</Tag> : null}
            <div className="muted small">from {s.address ?? 'unknown'} · begun <Time at={s.begun} /> · used <Time at={s.seen} show={ago(s.seen)} /> · ends <Time at={s.ends} /></div></div>
            {s.current ? null : <button type="button" onClick={() => setEnding(s)}>End …</button>}</li>
        ))}</ul>
      )}</Ready>
      {ending === 'all' ? <Confirm title="End all sessions" button="End them" onClose={() => setEnding(undefined)} send={async () => {
        await api.delete('/api/v1/me/sessions', {})
        location.assign('/sign-in')
      }}><p>{me?.name ?? 'You'} will be signed out everywhere, here too.</p></Confirm> : null}
      {ending && ending !== 'all' ? <Confirm title="End the session" button="End it" onClose={() => setEnding(undefined)} send={async () => {
        await api.delete('/api/v1/me/sessions/{id}', { path: { id: ending.id } })
        await refresh('/api/v1/me/sessions')
        toast('Session ended')
      }}><p>{browserOf(ending.user_agent)} from {ending.address ?? 'unknown'} is signed out.</p></Confirm> : null}
    </section>
  )
}
