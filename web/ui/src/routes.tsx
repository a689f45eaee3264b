// The screens: one chunk each, loaded when it is gone to. The server answers the same paths with the shell (web/terminal.go): add there, too.
import { lazy, type ComponentType } from 'react'

export interface Screen {
  path: string // of wouter: /runs/:id
  screen: ComponentType
}

export interface Place {
  to: string
  text: string
  verb: string | readonly string[] // of the permission table; whoever has none of it does not see the place
  key?: string // after g
}

const of = (load: () => Promise<{ default: ComponentType }>) => lazy(load)

export const screens: readonly Screen[] = [
  { path: '/', screen: of(() => import('./screens/home/home')) },
  { path: '/portfolios', screen: of(() => import('./screens/portfolios/portfolios')) },
  { path: '/portfolios/:id', screen: of(() => import('./screens/portfolio/portfolio')) },
  { path: '/runs', screen: of(() => import('./screens/runs/runs')) },
  { path: '/runs/new', screen: of(() => import('./screens/newrun/newrun')) },
  { path: '/runs/:id', screen: of(() => import('./screens/run/run')) },
  { path: '/compare', screen: of(() => import('./screens/compare/compare')) },
  { path: '/approvals', screen: of(() => import('./screens/approvals/approvals')) },
  { path: '/approvals/:id', screen: of(() => import('./screens/approvals/request')) },
  { path: '/ledger', screen: of(() => import('./screens/ledger/ledger')) },
  { path: '/audit', screen: of(() => import('./screens/audit/audit')) },
  { path: '/admin/:section?', screen: of(() => import('./screens/admin/admin')) },
  { path: '/profile/:section?', screen: of(() => import('./screens/profile/profile')) },
]

/** The navigation, in its order. */
export const places: readonly Place[] = [
  { to: '/', text: 'Home', verb: 'user.self', key: 'h' },
  { to: '/portfolios', text: 'Portfolios', verb: 'portfolio.read', key: 'p' },
  { to: '/runs', text: 'Runs', verb: 'run.read', key: 'r' },
  { to: '/compare', text: 'Compare', verb: 'run.read', key: 'c' },
  { to: '/approvals', text: 'Approvals', verb: 'approval.read', key: 'v' },
  { to: '/ledger', text: 'Ledger & seals', verb: 'ledger.read', key: 'l' },
  { to: '/audit', text: 'Audit trail', verb: ['audit.read', 'audit.system'], key: 'a' },
  { to: '/admin', text: 'Admin', verb: 'setting.read', key: 's' },
]
