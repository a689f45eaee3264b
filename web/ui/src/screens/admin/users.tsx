// Users: who is in, what they may do, and how they are helped when something is lost.
import { useMemo, useState } from 'react'
import { api, newKey, type Schemas } from '../../api/client'
import { useGet, useList, useMay, useMe, useRead, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, SelectField, TextField } from '../../parts/form'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { useUrlState } from '../../url'
import { Confirm, Once, type Secret } from './once'
import { roleNames, TenantChoice, useTenantChoice } from './whose'
import { browserOf } from '../profile/browser'

type User = Schemas['User']

const states = { active: ['●', 'Active', 'ok'], disabled: ['✕', 'Disabled', 'error'], invited: ['◇', 'Invited', 'accent'] } as const

export function StateTag({ state }: { state: keyof typeof states }) {
  const [mark, word, tone] = states[state]
  return <Tag mark={mark} tone={tone}>{word}</Tag>
}

export function Users() {
  const { tenant } = useTenantChoice()
  const may = useMay()
  const list = useList('/api/v1/users', { query: { tenant: tenant || undefined, limit: 500 } })
  const users = list.items as User[]
  const [chosen, choose] = useUrlState('user')
  const [adding, setAdding] = useState(false)
  const [secret, setSecret] = useState<Secret>()
  const columns = useMemo((): Column<User>[] => [
    { id: 'name', header: 'Name', value: (u) => u.name },
    { id: 'email', header: 'E-mail', value: (u) => u.email },
    { id: 'role', header: 'Role', value: (u) => u.role },
    { id: 'state', header: 'State', value: (u) => u.state, cell: (u) => <StateTag state={u.state} /> },
    { id: 'factor', header: 'Second factor', value: (u) => (u.second_factor ? 'yes' : 'no'), cell: (u) => (u.second_factor ? <Tag mark="✓" tone="ok">In place</Tag> : <span className="muted">— none</span>) },
    { id: 'signed', header: 'Signed in (UTC)', value: (u) => u.signed_in, cell: (u) => (u.signed_in ? <Time at={u.signed_in} bare /> : <span className="muted">never</span>) },
    { id: 'created', header: 'Made (UTC)', value: (u) => u.created, cell: (u) => <Time at={u.created} bare />, hidden: true },
    { id: 'id', header: 'Id', mono: true, value: (u) => u.id, hidden: true },
  ], [])
  return (
    <section className="section">
      <div className="section-head">
        <TenantChoice />
        {may('user.add') ? <div className="actions"><button type="button" className="primary" onClick={() => setAdding(true)}>Add a user …</button></div> : null}
      </div>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading /> : users.length === 0 ? <Empty title="Nobody is here yet"><p>Invite the first administrator of the tenant, in Tenants.</p></Empty> : (
        <div className={chosen ? 'split beside' : undefined}>
          <Table caption="Users" stacks columns={columns} rows={users} rowKey={(u) => u.id} sort={{ id: 'name' }} filter keys more={list.more} chosen={chosen} onOpen={(u) => choose(u.id)} />
          {chosen ? <OneUser key={`${chosen} ${tenant}`} id={chosen} tenant={tenant} onClose={() => choose('')} onSecret={setSecret} /> : null}
        </div>
      )}
      {adding ? <AddUser tenant={tenant} onClose={() => setAdding(false)} onSecret={setSecret} /> : null}
      {secret ? <Once of={secret} onClose={() => setSecret(undefined)} /> : null}
    </section>
  )
}

function AddUser({ tenant, onClose, onSecret }: { tenant: string; onClose: () => void; onSecret: (s: Secret) => void }) {
  const refresh = useRefresh()
  const me = useMe().data
  const [key] = useState(newKey)
  const send = async (data: FormData) => {
    const body = { email: String(data.get('email')), name: String(data.get('name')), role: String(data.get('role')) as User['role'] }
    const made = (await api.post('/api/v1/users', { query: { tenant: tenant || undefined }, body, key })).data
    await refresh('/api/v1/users', '/api/v1/people')
    onClose()
    onSecret({ title: 'One-time password', name: 'one-time-password', secret: made.one_time_password, what: <>For {made.user.name} ({made.user.email}). It has to be replaced at the first sign-in, and ends after seven days.</> })
  }
  return (
    <Dialog title="Add a user" open onClose={onClose}>
      <p>The user gets a one-time password from you. To let people choose their own, invite them instead.</p>
      <Form button="Add the user" send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <PersonFields fault={fault} roles={roleNames(me?.role, tenant, me?.tenant)} />}
      </Form>
    </Dialog>
  )
}

export function PersonFields({ fault, roles }: { fault: (name: string) => string | undefined; roles: readonly string[] }) {
  return (
    <>
      <TextField label="E-mail" name="email" type="email" autoComplete="off" required autoFocus fault={fault('email')} />
      <TextField label="Name" name="name" autoComplete="off" required maxLength={200} hint="Shown to others" fault={fault('name')} />
      <SelectField label="Role" name="role" defaultValue={roles.includes('viewer') ? 'viewer' : roles[0]} fault={fault('role')}>{roles.map((r) => <option key={r}>{r}</option>)}</SelectField>
    </>
  )
}

type Deed = 'password' | 'factor' | 'disable' | 'sessions'

function OneUser({ id, tenant, onClose, onSecret }: { id: string; tenant: string; onClose: () => void; onSecret: (s: Secret) => void }) {
  const user = useRead('/api/v1/users/{id}', { path: { id }, query: { tenant: tenant || undefined } })
  const me = useMe().data
  const may = useMay()
  const refresh = useRefresh()
  const [deed, setDeed] = useState<Deed>()
  const own = me?.id === id
  const foreign = tenant !== '' && tenant !== me?.tenant // an operator looks into a tenant
  const change = may('user.change') || (me?.role === 'operator' && !foreign)
  const again = () => refresh('/api/v1/users', '/api/v1/people')
  const at = { path: { id }, query: { tenant: tenant || undefined } }
  return (
    <aside className="panel one" aria-label="User">
      <Ready of={{ data: user.data, error: user.error, refetch: user.refetch }} rows={5}>{({ data: u, etag }) => (
        <>
          <div className="section-head"><h2>{u.name}</h2><button type="button" className="icon" aria-label="Close the user" onClick={onClose}>✕</button></div>
          <Facts of={[['E-mail', u.email], ['State', <StateTag key="s" state={u.state} />], ['Role', u.role], ['Second factor', u.second_factor ? 'in place' : 'none'], ['Signed in', u.signed_in ? <Time key="t" at={u.signed_in} /> : 'never'], ['Made', <Time key="m" at={u.created} />], ['Id', <CopyText key="i" text={u.id} />]]} />
          {change && u.state !== 'invited' ? (
            <Form key={etag} button="Save" send={async (data) => {
              const name = String(data.get('name')).trim()
              const role = data.get('role') as User['role'] | null
              await api.patch('/api/v1/users/{id}', { ...at, etag, body: { ...(name !== u.name ? { name } : {}), ...(role && role !== u.role ? { role } : {}) } })
              await again()
              toast('Saved')
            }}>
              {(fault) => <>
                <TextField label="Name" name="name" defaultValue={u.name} required maxLength={200} fault={fault('name')} />
                {u.role === 'operator' ? null : <SelectField label="Role" name="role" defaultValue={u.role} hint="Another role ends the user's sessions." fault={fault('role')}>{roleNames('admin', '', '').map((r) => <option key={r}>{r}</option>)}</SelectField>}
              </>}
            </Form>
          ) : null}
          <div className="actions">
            {change && !own && u.state === 'active' ? <button type="button" onClick={() => setDeed('password')}>One-time password …</button> : null}
            {change && !own && u.second_factor ? <button type="button" onClick={() => setDeed('factor')}>Reset the second factor …</button> : null}
            {!own && u.state === 'active' && (may('user.disable')) ? <button type="button" className="danger" onClick={() => setDeed('disable')}>Disable …</button> : null}
            {change && u.state === 'disabled' ? <button type="button" onClick={() => void api.patch('/api/v1/users/{id}', { ...at, etag, body: { state: 'active' } }).then(again).then(() => toast('Enabled')).catch(fail)}>Enable</button> : null}
          </div>
          {foreign ? null : <Sessions user={id} onEnd={() => setDeed('sessions')} own={own} />}
          {deed === 'password' ? <Confirm title="Give a one-time password" button="Give it" onClose={() => setDeed(undefined)} send={async () => {
            const made = (await api.post('/api/v1/users/{id}/password', at)).data
            await again()
            onSecret({ title: 'One-time password', name: 'one-time-password', secret: made.one_time_password, what: <>For {u.name}. It has to be replaced at the next sign-in, and ends after seven days.</> })
          }}><p>{u.name}'s password becomes void and all sessions end. The second factor stays.</p></Confirm> : null}
          {deed === 'factor' ? <Confirm title="Reset the second factor" button="Reset it" onClose={() => setDeed(undefined)} send={async () => {
            await api.delete('/api/v1/users/{id}/second-factor', at)
            await again()
            toast('The second factor was taken away')
          }}><p>{u.name} loses authenticator, passkeys and recovery codes, and is told so. Where a second factor is required, it is enrolled anew at the next sign-in, before anything else.</p></Confirm> : null}
          {deed === 'disable' ? <Confirm title="Disable the user" button="Disable" onClose={() => setDeed(undefined)} send={async () => {
            await api.patch('/api/v1/users/{id}', { ...at, etag, body: { state: 'disabled' } })
            await again()
            toast('Disabled')
          }}><p>{u.name} is signed out everywhere and cannot sign in. API keys of this user stop. What was done stays in the record.</p></Confirm> : null}
          {deed === 'sessions' ? <Confirm title="End all sessions" button="End them" onClose={() => setDeed(undefined)} send={async () => {
            await api.delete('/api/v1/users/{id}/sessions', { path: { id } })
            await refresh('/api/v1/users')
            toast('All sessions ended')
          }}><p>{u.name} is signed out everywhere and has to sign in again.</p></Confirm> : null}
        </>
      )}</Ready>
    </aside>
  )
}

function fail(e: unknown) {
  if (e instanceof Error && e.message) toast(e.message, 'error')
}

function Sessions({ user, own, onEnd }: { user: string; own: boolean; onEnd: () => void }) {
  const sessions = useGet('/api/v1/users/{id}/sessions', { path: { id: user } }).data
  const all = (sessions?.items ?? []) as Schemas['UserSession'][]
  if (!sessions) return null
  return (
    <div>
      <h3>{all.length === 0 ? 'No open sessions' : all.length === 1 ? '1 open session' : `${all.length} open sessions`}</h3>
      <ul className="plain">{all.map((s) => <li key={s.id}>{browserOf(s.user_agent)} <span className="muted">from {s.address ?? 'unknown'}, used <Time at={s.seen} /></span></li>)}</ul>
      {!own && all.length > 0 ? <button type="button" onClick={onEnd}>End all sessions …</button> : null}
    </div>
  )
}
