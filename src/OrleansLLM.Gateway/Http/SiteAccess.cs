using System.Collections.Frozen;
using System.Net;

namespace OrleansLLM.Gateway.Http;

/// <summary>
/// Keeps pages of other sites out: a name that was rebound to this machine by its <c>Host</c>, a foreign page by its <c>Origin</c>. Names
/// are compared without case, port and the dot of an absolute name, origins with their port.
/// </summary>
internal sealed class SiteAccess(GatewayOptions options)
{
    public const string Any = "*";

    /// <summary>
    /// What Linux distributions' hosts files call loopback. No page of the internet can have one: <c>localdomain</c> and names without a dot are
    /// not in the public DNS, and a hosts file answers before a network's resolver is asked. Other systems' files lack them, and there
    /// anybody in the network may answer for them.
    /// </summary>
    private static readonly FrozenSet<string> HostsFileNames =
        OperatingSystem.IsLinux() ? FrozenSet.Create("localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback") : FrozenSet<string>.Empty;

    private readonly FrozenSet<string>? _hosts = options.AllowedHosts is { } hosts && !hosts.Contains(Any)
        ? hosts.Select(host => NameOf(Bracketed(host)) ?? host).ToFrozenSet()
        : null;

    private readonly FrozenSet<string> _origins = options.CorsOrigins.Select(Canonical).ToFrozenSet();

    /// <summary>Null where the request may be answered.</summary>
    public ApiError? WhyRefused(HttpRequest request)
    {
        if (_hosts is not null && !IsAllowedHost(NameOf(request.Host.Value)))
        {
            return ApiError.Forbidden(
                $"This server is not known as `{ApiError.Shorten(request.Host.Value ?? "")}`: call it by a name of loopback, such as localhost, or allow that name with --allowed-hosts.",
                "host_not_allowed");
        }

        var origin = request.Headers.Origin;
        if (origin.Count == 0 || Canonical(origin.ToString()) == Canonical($"{request.Scheme}://{request.Host.Value}") || IsListed(origin.ToString()))
        {
            return null;
        }

        return ApiError.Forbidden(
            $"Pages of the origin `{ApiError.Shorten(origin.ToString())}` may not call this server: allow it with --allowed-origins.",
            "origin_not_allowed");
    }

    /// <summary>Whether <see cref="GatewayOptions.CorsOrigins"/> name it.</summary>
    public bool IsListed(string origin) => _origins.Contains(Any) || _origins.Contains(Canonical(origin));

    /// <summary>Whether a name can be one of <see cref="GatewayOptions.AllowedHosts"/>.</summary>
    public static bool IsHost(string text) => text == Any || (NameOf(Bracketed(text)) is not null
        && Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6);

    private bool IsAllowedHost(string? name) => name is not null && (IsLoopback(name) || _hosts!.Contains(name));

    private static bool IsLoopback(string name) =>
        name == "localhost"
        || name.EndsWith(".localhost", StringComparison.Ordinal) // reserved (RFC 6761): nobody can own one, and browsers resolve it without asking
        || HostsFileNames.Contains(name)
        || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address));

    private static string Bracketed(string host) =>
        Uri.CheckHostName(host) == UriHostNameType.IPv6 && !host.StartsWith('[') ? $"[{host}]" : host;

    /// <summary>The name that a Host header has; null where it has none.</summary>
    private static string? NameOf(string? host) => TryParse($"http://{host}", out var site) ? NameOf(site) : null;

    private static string NameOf(Uri site) => site.IdnHost.TrimEnd('.');

    /// <summary>Equal for equal origins; what is no site's (null, an extension's) stays as it is.</summary>
    private static string Canonical(string origin) => TryParse(origin, out var site)
        ? FormattableString.Invariant($"{site.Scheme}://{NameOf(site)}:{site.Port}")
        : origin;

    private static bool TryParse(string text, out Uri site) =>
        Uri.TryCreate(text, UriKind.Absolute, out site!)
        && (site.Scheme == Uri.UriSchemeHttp || site.Scheme == Uri.UriSchemeHttps)
        && site is { UserInfo: "", PathAndQuery: "/", Fragment: "" }
        && !text.EndsWith('/')
        && NameOf(site).Length > 0;
}
