import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type AddressClass, addressClass, hostPort, normalHost } from './hostnames.ts'

test('names come out in one spelling', () => {
  const same: readonly (readonly [string, string])[] = [
    ['API.Example.COM', 'api.example.com'],
    ['example.com.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['ｅｘａｍｐｌｅ.com', 'example.com'],
    ['example。com', 'example.com'],
    ['_srv.example.com', '_srv.example.com'],
    ['localhost', 'localhost'],
    ['1password.example', '1password.example'],
  ]
  for (const [given, expected] of same) assert.deepEqual(normalHost(given), { kind: 'name', text: expected }, given)
})

test('addresses come out in one spelling', () => {
  const same: readonly (readonly [string, string])[] = [
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['[2001:DB8:0:0:1:0:0:1]', '2001:db8::1:0:0:1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['::ffff:127.0.0.1', '::ffff:7f00:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ]
  for (const [given, expected] of same) assert.deepEqual(normalHost(given), { kind: 'ipv6', text: expected }, given)
  assert.deepEqual(normalHost('127.0.0.1'), { kind: 'ipv4', text: '127.0.0.1' })
  fc.assert(
    fc.property(fc.ipV6(), (ip) => {
      const host = normalHost(ip)
      assert.ok(host !== undefined)
      assert.deepEqual(normalHost(host.text), host)
      assert.equal('[' + host.text + ']', new URL(`http://[${ip}]/`).hostname)
    }),
  )
})

test('refuses other spellings of IPv4 and malformed hosts', () => {
  const bad = ['2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '127.1', '127.0.0.01', '127.0.0.1.', '256.1.1.1', '１２７.０.０.１', '127。0。0。1', '1.2.3.4.5', 'a.0x1', 'host.123']
  bad.push('', '.', 'a..b', '.a', '-a.com', 'a-.com', 'a b', 'a/b', 'a@b', 'a%2eb', 'a\\b', 'a\0', 'a\n', `${'a'.repeat(64)}.com`, `${'a.'.repeat(127)}com`, '[::1', '::1]', '[127.0.0.1]', '::1%lo', '[fe80::1%25eth0]', ':', '[]', 'x'.repeat(2_000))
  for (const text of bad) assert.equal(normalHost(text), undefined, text)
})

test('hosts with ports', () => {
  assert.deepEqual(hostPort('LocalHost:8080'), { host: { kind: 'name', text: 'localhost' }, port: 8080 })
  assert.deepEqual(hostPort('[::1]:443'), { host: { kind: 'ipv6', text: '::1' }, port: 443 })
  assert.deepEqual(hostPort('[::1]'), { host: { kind: 'ipv6', text: '::1' } })
  assert.deepEqual(hostPort('example.com'), { host: { kind: 'name', text: 'example.com' } })
  for (const text of ['a:', 'a:0', 'a:65536', 'a:080', 'a:1:2', '::1', 'u@a:1', 'a:+1', '[::1]x', '[::1]x:1', ':80', 'a:80 ', 'a, b']) assert.equal(hostPort(text), undefined, text)
})

test('every address has its class', () => {
  const classes: Readonly<Record<AddressClass, readonly string[]>> = {
    loopback: ['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::127.0.0.1'],
    private: ['10.0.0.1', '172.16.0.0', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1', '::ffff:10.1.2.3', '64:ff9b::a00:1'],
    link_local: ['169.254.1.1', 'fe80::1', 'febf::1', '::ffff:169.254.9.9'],
    cgnat: ['100.64.0.1', '100.127.255.255'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    reserved: ['0.0.0.0', '0.1.2.3', '240.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.9', '::', '::127.0.0.1', '2001:db8::1', '2002:7f00:1::', '2001::1', '3fff::1', '100::1', '64:ff9b:1::1', 'fec0::1', '::ffff:0:127.0.0.1', 'nonsense', '', 'fe80::1%eth0'],
    metadata: ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe'],
    public: ['1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '11.0.0.0', '223.255.255.255', '2606:4700::1111', '2a00::1', '::ffff:8.8.8.8'],
  }
  for (const [expected, addresses] of Object.entries(classes)) for (const ip of addresses) assert.equal(addressClass(ip), expected, ip)
})
