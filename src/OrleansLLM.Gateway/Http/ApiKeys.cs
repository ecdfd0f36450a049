using System.Security.Cryptography;
using System.Text;

namespace OrleansLLM.Gateway.Http;

/// <summary>Who calls: the key's name is the tenant. Takes the same time whatever key is sent.</summary>
internal sealed class ApiKeys(IReadOnlyList<ApiKey> keys)
{
    private const string Scheme = "Bearer ";

    private readonly (string Name, byte[] Hash)[] _keys = [.. keys.Select(key => (key.Name, Hash(key.Key)))];

    /// <summary>The tenant, "" where no keys are configured.</summary>
    public Outcome<string> Identify(HttpRequest request)
    {
        if (_keys.Length == 0)
        {
            return "";
        }

        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return ApiError.WrongKey("This server needs an API key: send `Authorization: Bearer KEY`.");
        }

        var sent = Hash(header[Scheme.Length..].Trim());
        string? tenant = null;
        foreach (var (name, hash) in _keys)
        {
            tenant = CryptographicOperations.FixedTimeEquals(hash, sent) ? name : tenant;
        }

        return tenant is null ? ApiError.WrongKey("The API key is not one of this server's.") : tenant;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
