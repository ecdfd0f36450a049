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
    private readonly byte[]? _admin;
    private readonly Caller? _anonymous;

    public ApiKeys(GatewayOptions options, GatewaySecret secret)
    {
        var others = options.PriorityApiKeys.Count == 0 ? PriorityRight.Free : PriorityRight.Fixed;
        _admin = options.AdminKey is { } admin ? Hash(admin) : null;
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

        if (SentBy(request) is not { } sent)
        {
            return _anonymous ?? (Outcome<Caller>)ApiError.WrongKey("This server needs an API key: send `Authorization: Bearer KEY`.");
        }

        var found = _anonymous;
        foreach (var (caller, hash) in _keys)
        {
            found = CryptographicOperations.FixedTimeEquals(hash, sent) ? caller : found;
        }

        return found ?? (Outcome<Caller>)ApiError.WrongKey("The API key is not one of this server's.");
    }

    /// <summary>Whether the caller may administer: that has a key of its own.</summary>
    public Outcome<Caller> IdentifyAdmin(HttpRequest request) => (_admin, SentBy(request)) switch
    {
        (null, _) => ApiError.Forbidden("This server takes no administration: start it with --admin-key KEY, or the variable ORLEANSLLM_ADMIN_KEY.", "administration_closed"),
        (_, null) => ApiError.WrongKey("Administration needs its own key, that of --admin-key: send `Authorization: Bearer KEY`."),
        var (admin, sent) when CryptographicOperations.FixedTimeEquals(admin, sent) => new Caller("", PriorityRight.Fixed),
        _ => ApiError.WrongKey("The key is not that of --admin-key."),
    };

    /// <summary>Null where none was sent.</summary>
    private static byte[]? SentBy(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? Hash(header[Scheme.Length..].Trim()) : null;

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
