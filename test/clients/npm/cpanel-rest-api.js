// cpanel-rest-api: UAPI under a password, WHM API 1 under a token, and UAPI
// through WHM.
const { UAPI, WHM } = require('cpanel-rest-api')
const env = process.env

// The client refuses plain objects as the options of UAPI's call: a mistake.
class Options { constructor(options) { Object.assign(this, options) } }

const own = password => new UAPI({ host: env.HOST, port: env.CPANEL_PORT, username: env.ACCOUNT, password })
const whm = new WHM({ host: env.HOST, port: env.WHM_PORT, username: 'root', accessKey: env.ROOT_TOKEN })

async function say(name, promise, pick = x => x) {
  try {
    console.log(name, JSON.stringify(pick(await promise)))
  } catch (err) {
    console.log(name, 'error', err.message)
  }
}

async function main() {
  const uapi = (client, func, params) => client.api(new Options({ module: 'Email', func, params }))
  const through = (func, params, user = env.ACCOUNT) => whm.uapi(user).api({ module: 'Email', func, params })
  const mailbox = email => ({ email, domain: env.DOMAIN, password: env.SECRET })
  const emails = rows => rows.map(row => row.email)

  await say('version', whm.api('version'), v => /^11\.\d+\.\d+\.\d+$/.test(v.version))
  await say('listaccts', whm.api({ action: 'listaccts', params: { searchtype: 'user', search: `^${env.ACCOUNT}$` } }), a => a.acct.map(row => row.user))
  await say('accountsummary', whm.api({ action: 'accountsummary', params: { user: env.ACCOUNT } }), a => [a.acct[0].user, a.acct[0].domain, a.acct[0].suspended])
  await say('accountsummary of nobody', whm.api({ action: 'accountsummary', params: { user: 'nobody' } }))
  await say('unknown function', whm.api('getdiskinfo'))
  await say('createacct without arguments', whm.api('createacct'))

  await say('add_pop', uapi(own(env.PASSWORD), 'add_pop', mailbox('kept')))
  await say('add_pop through WHM', through('add_pop', mailbox('gone')))
  await say('add_pop through WHM again', through('add_pop', mailbox('gone')))
  await say('list_pops through WHM', through('list_pops', { skip_main: 1 }), emails)
  await say('delete_pop', uapi(own(env.PASSWORD), 'delete_pop', { email: 'gone', domain: env.DOMAIN }))
  await say('list_pops', uapi(own(env.PASSWORD), 'list_pops', { skip_main: 1 }), emails)
  await say('unknown UAPI function', uapi(own(env.PASSWORD), 'addpop', {}))
  await say('through WHM for nobody', through('list_pops', {}, 'nobody'))
  await say('wrong password', uapi(own('wrong'), 'list_pops', {}))
}

main()
