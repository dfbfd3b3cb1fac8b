import { luhn, weighted } from '../../checksums.ts'
import { bornOn, id, num, same, shapeOnly } from './identifier.ts'
import type { NationalId } from './identifier.ts'

function ssn(digits: string): boolean {
  const area = Number(digits.slice(0, 3))
  return area !== 0 && area !== 666 && area < 900 && digits.slice(3, 5) !== '00' && digits.slice(5) !== '0000' && digits !== '123456789'
}

function cpf(digits: string): boolean {
  if (same(digits)) return false
  const one = ((weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10
  const two = ((weighted(digits, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10
  return one === num(digits, 9) && two === num(digits, 10)
}

function cnpj(digits: string): boolean {
  const check = (weights: readonly number[]): number => {
    const rest = weighted(digits, weights) % 11
    return rest < 2 ? 0 : 11 - rest
  }
  return check([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === num(digits, 12) && check([6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === num(digits, 13)
}

function curp(text: string): boolean {
  const order = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
  let sum = 0
  for (let i = 0; i < 17; i++) sum += order.indexOf(text.charAt(i)) * (18 - i)
  return (10 - (sum % 10)) % 10 === num(text, 17)
}

// The tax number's last character, weights 13 to 2 over the twelve before it; companies have eleven.
function rfc(text: string): boolean {
  const order = '0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ'
  const padded = text.length === 12 ? ` ${text}` : text
  let sum = 0
  for (let i = 0; i < 12; i++) sum += order.indexOf(padded.charAt(i)) * (13 - i)
  const rest = 11 - (sum % 11)
  return padded.charAt(12) === (rest === 11 ? '0' : rest === 10 ? 'A' : String(rest))
}

function cuit(digits: string): boolean {
  const rest = 11 - (weighted(digits, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)
  return (rest === 11 ? 0 : rest === 10 ? 9 : rest) === num(digits, 10)
}

function rut(text: string): boolean {
  let sum = 0
  for (let i = text.length - 2, weight = 2; i >= 0; i--, weight = weight === 7 ? 2 : weight + 1) sum += num(text, i) * weight
  const rest = 11 - (sum % 11)
  return text.slice(-1).toUpperCase() === (rest === 11 ? '0' : rest === 10 ? 'K' : String(rest))
}

function nit(digits: string): boolean {
  const rest = weighted(digits, [41, 37, 29, 23, 19, 17, 13, 7, 3]) % 11
  return (rest < 2 ? rest : 11 - rest) === num(digits, 9)
}

function ecuador(digits: string): boolean {
  const province = Number(digits.slice(0, 2))
  return province >= 1 && (province <= 24 || province === 30) && num(digits, 2) < 6 && luhn(digits)
}

function uruguay(digits: string): boolean {
  return (10 - (weighted(digits.padStart(8, '0'), [2, 9, 8, 7, 6, 3, 4]) % 10)) % 10 === num(digits, digits.length - 1)
}

function ruc(digits: string): boolean {
  return (11 - (weighted(digits, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === num(digits, 10)
}

export const americas: readonly NationalId[] = [
  id('us_ssn', 0, [3], /\d{3}-\d{2}-\d{4}(?![\w-])/y, ssn),
  id('us_ssn_spelled', 0, [3, 5, 9], /\d{3} ?\d{2} ?\d{4}(?![\w-])/y, ssn, /\bssns?\b|social security/i),
  id('us_itin', 0, [3, 9], /9\d{2}[- ]?[5-9]\d[- ]?\d{4}(?![\w-])/y, shapeOnly, /\bitin\b|taxpayer id/i),
  id('us_ein', 0, [2], /\d{2}-\d{7}(?![\w-])/y, shapeOnly, /\b(?:f?ein|employer id|federal tax id)/i),
  id('us_mbi', 0, [1], /[1-9][A-Z][A-Z\d]\d-?[A-Z][A-Z\d]\d-?[A-Z]{2}\d{2}(?!\w)/y, shapeOnly, /medicare|\bmbi\b/i),
  id('ca_sin', 0, [3, 9], /[1-79]\d{2}[ -]?\d{3}[ -]?\d{3}(?![\w-])/y, luhn, /\bsin\b|social insurance|\bnas\b|assurance sociale/i),
  id('br_cpf', 0, [3], /\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])/y, cpf),
  id('br_cpf_plain', 0, [11], /\d{11}(?![\w-])/y, cpf, /\bcpf\b/i),
  id('br_cnpj', 0, [2], /\d{2}\.\d{3}\.\d{3}\/\d{4}-\d{2}(?![\w-])/y, cnpj),
  id('br_cnpj_plain', 0, [14], /\d{14}(?![\w-])/y, cnpj, /\bcnpj\b/i),
  id('br_rg', 0, [2], /\d{2}\.\d{3}\.\d{3}-[\dX](?![\w-])/y, shapeOnly, /\brg\b|registro geral|identidade/i),
  id('mx_curp', 4, [6], /[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d(?!\w)/y, curp),
  id('mx_rfc', 4, [6], /[A-Z&]{4}\d{6}[A-Z\d]{2}[A\d](?!\w)/y, (text) => bornOn(text, 4) && rfc(text)),
  id('mx_rfc_company', 3, [6], /[A-Z&]{3}\d{6}[A-Z\d]{2}[A\d](?!\w)/y, (text) => bornOn(text, 3) && rfc(text), /\brfc\b/i),
  id('mx_nss', 0, [11], /\d{11}(?![\w-])/y, luhn, /\bnss\b|\bimss\b|seguro social/i),
  id('ar_cuit', 0, [2], /(?:2[0347]|3[034])-\d{8}-\d(?![\w-])/y, cuit),
  id('ar_cuit_plain', 0, [11], /(?:2[0347]|3[034])\d{9}(?![\w-])/y, cuit, /\bcui[tl]\b/i),
  id('ar_dni', 0, [2, 8], /\d{2}\.?\d{3}\.?\d{3}(?![\w-])/y, shapeOnly, /\bdni\b|documento nacional/i),
  id('cl_rut', 0, [1, 2], /\d{1,2}(?:\.\d{3}){2}-[\dKk](?![\w-])/y, rut),
  id('cl_rut_plain', 0, [7, 8], /\d{7,8}-?[\dKk](?![\w-])/y, rut, /\bru[tn]\b/i),
  id('co_nit', 0, [3, 9], /\d{3}\.?\d{3}\.?\d{3}-\d(?![\w-])/y, nit, /\bnit\b/i),
  id('co_cedula', 0, [1, 2, 8, 10], /\d{1,2}\.?\d{3}\.?\d{3}(?:\.?\d{3})?(?![\w-])/y, (digits) => digits.length >= 7 && shapeOnly(digits), /c[eé]dula|\bc\.?c\.? ?(?:n|#|:)/i),
  id('ec_cedula', 0, [9, 10], /\d{9}-?\d(?![\w-])/y, ecuador, /c[eé]dula|\bci\b/i),
  id('pe_ruc', 0, [11], /(?:10|15|16|17|20)\d{9}(?![\w-])/y, ruc, /\bruc\b/i),
  id('pe_dni', 0, [8], /\d{8}(?:-\d)?(?![\w-])/y, shapeOnly, /\bdni\b/i),
  id('uy_ci', 0, [1, 7, 8], /\d\.?\d{3}\.?\d{3}-?\d(?![\w-])/y, uruguay, /c[eé]dula|\bci\b/i),
  id('ve_cedula', 1, [1, 2, 7, 8], /[VE]-?\d{1,2}\.?\d{3}\.?\d{3}(?!\w)/y, shapeOnly, /c[eé]dula|\bci\b/i),
]
