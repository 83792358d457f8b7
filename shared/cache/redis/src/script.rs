//! What must happen in one step in Redis.

/// Hex digits of a token.
pub(crate) const TOKEN: usize = 16;
/// Digits of the time in front of an entry's sealed content.
pub(crate) const TIME: usize = 16;

/// The stamp, and the entry if it carries that stamp. Tokens that are not there are made.
///
/// KEYS: epoch, area, entry. ARGV: a new token, how long a token is kept (ms).
pub(crate) const LOOK: &str = r"
local function token(key)
  local found = redis.call('GET', key)
  if not found then
    found = ARGV[1]
    redis.call('SET', key, found, 'PX', ARGV[2])
  end
  return found
end
local stamp = token(KEYS[1]) .. token(KEYS[2])
local entry = redis.call('GET', KEYS[3])
if not entry or string.sub(entry, 1, #stamp) ~= stamp then
  return {stamp}
end
return {stamp, string.sub(entry, #stamp + 1)}
";

/// Keeps an entry if the stamp is still the present one and nothing that was fetched later is kept under it.
///
/// KEYS: epoch, area, entry. ARGV: stamp, time of the fetch, sealed content, how long it is kept (ms).
pub(crate) const FILL: &str = r"
local epoch, area = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
local stamp = ARGV[1]
if not epoch or not area or epoch .. area ~= stamp then
  return 0
end
local head = redis.call('GETRANGE', KEYS[3], 0, #stamp + #ARGV[2] - 1)
if string.sub(head, 1, #stamp) == stamp and tonumber(string.sub(head, #stamp + 1)) > tonumber(ARGV[2]) then
  return 0
end
redis.call('SET', KEYS[3], stamp .. ARGV[2] .. ARGV[3], 'PX', ARGV[4])
return 1
";
