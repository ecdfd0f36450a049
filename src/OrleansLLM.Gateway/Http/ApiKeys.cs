using System.Security.Cryptography;
using System.Text;

namespace OrleansLLM.Gateway.Http;

/// <summary>Who calls.</summary>
/// <param name="Tenant">Made of the key, "" without one.</param>
internal sealed record Caller(string Tenant, PriorityRight Priority);

internal enum PriorityRight
{
    /// <summary>Every request has the same.</summary>
    Fixed,
    Free,
}

/// <summary>Who calls, by the key that is shown. Takes the same time whatever key is sent.</summary>
internal sealed class ApiKeys
{
    private const string Scheme = "Bearer ";

    private readonly (Caller Caller, byte[] Hash)[] _keys;
    private readonly Caller? _anonymous;

    public ApiKeys(GatewayOptions options, GatewaySecret secret)
    {
        var others = options.PriorityApiKeys.Count == 0 ? PriorityRight.Free : PriorityRight.Fixed;
        _anonymous = options.ApiKeys.Count == 0 ? new Caller("", others) : null;
        _keys =
        [
            .. options.ApiKeys.Select(key => (new Caller(secret.TenantOf(key.Key), others), Hash(key.Key))),
            .. options.PriorityApiKeys.Select(key => (new Caller(secret.TenantOf(key.Key), PriorityRight.Free), Hash(key.Key))),
        ];
    }

    public Outcome<Caller> Identify(HttpRequest request)
    {
        if (_keys.Length == 0)
        {
            return _anonymous!;
        }

        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return _anonymous ?? (Outcome<Caller>)ApiError.WrongKey("This server needs an API key: send `Authorization: Bearer KEY`.");
        }

        var sent = Hash(header[Scheme.Length..].Trim());
        var found = _anonymous;
        foreach (var (caller, hash) in _keys)
        {
            found = CryptographicOperations.FixedTimeEquals(hash, sent) ? caller : found;
        }

        return found ?? (Outcome<Caller>)ApiError.WrongKey("The API key is not one of this server's.");
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
