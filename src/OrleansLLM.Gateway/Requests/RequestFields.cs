using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Requests;

/// <summary>
/// Reads the fields of a JSON object. A field that is null is absent, one that nobody asks for is ignored. The first thing that is
/// wrong is kept as <see cref="Error"/>, and from then on every read gives nothing.
/// </summary>
internal sealed class RequestFields
{
    /// <summary>No field's name is longer, however it is escaped.</summary>
    private const int LongestName = 512;

    private readonly Dictionary<string, JsonView> _members = [];
    private readonly string _path;
    private int _left = Limits.CopiedValues;

    private readonly JsonBody _body;

    /// <param name="path">Where the object stands in the request, "" for the request itself.</param>
    private RequestFields(JsonBody body, IEnumerable<JsonMember> members, string path)
    {
        (_body, _path) = (body, path);
        foreach (var member in members)
        {
            _members[member.Name] = member.Value;
        }
    }

    public static RequestFields OfBody(JsonBody body) =>
        new(body, body.Root.EnumerateObject().Where(member => member.NameText.Length <= LongestName), "");

    public ApiError? Error { get; private set; }

    /// <summary>Of <see cref="JsonBody.Hash"/>.</summary>
    public byte[] HashBody() => _body.Hash();

    /// <summary>False, and an error, where the server has no room for that many bytes beside the body.</summary>
    public bool TryReserve(long bytes)
    {
        Error ??= _body.TryReserve(bytes);
        return Error is null;
    }

    public string Name(string field) => _path.Length == 0 ? field : $"{_path}.{field}";

    /// <summary>Keeps the first error; always null, so that a reader can return it.</summary>
    public T? Refuse<T>(ApiError error)
    {
        Error ??= error;
        return default;
    }

    public T? Refuse<T>(string field, string message) => Refuse<T>(ApiError.Invalid(Name(field), message));

    /// <summary>The field, unless it is absent, null, or something was wrong before.</summary>
    public JsonView? Find(string field) =>
        Error is null && _members.TryGetValue(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public int? Integer(Limit limit) => (int?)Long(limit);

    public long? Long(Limit limit)
    {
        if (Find(limit.Field) is not { } value)
        {
            return null;
        }

        return Json.TryGetInteger(value, out var number) && limit.Allows(number)
            ? number
            : Refuse<long?>(limit.Field, limit.Refusal(Name(limit.Field), Json.Describe(value)));
    }

    public float? Number(Limit limit)
    {
        if (Find(limit.Field) is not { } value)
        {
            return null;
        }

        return Json.TryGetNumber(value, out var number) && limit.AllowsNumber(number)
            ? (float)number
            : Refuse<float?>(limit.Field, limit.Refusal(Name(limit.Field), Json.Describe(value)));
    }

    public bool? Flag(string field) => Find(field) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => Refuse<bool?>(field, $"`{Name(field)}` must be true or false, but is {Json.Describe(value)}."),
    };

    public string? Text(Limit limit)
    {
        if (Find(limit.Field) is not { } value)
        {
            return null;
        }

        return Json.GetString(value) is { } text ? Bounded(text, limit) : Refuse<string>(limit.Field, NoText(limit.Field, value));
    }

    /// <summary>An object's fields, of which only <paramref name="names"/> are asked for.</summary>
    public RequestFields? Object(string field, params string[] names)
    {
        if (Find(field) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Object
            ? new RequestFields(_body, value.EnumerateObject().Where(member => member.IsOneOf(names)), Name(field))
            : Refuse<RequestFields>(field, $"`{Name(field)}` must be an object, but is {Json.Describe(value)}.");
    }

    /// <summary>A string or a list of strings.</summary>
    public IReadOnlyList<string> Texts(Limit items, Limit characters)
    {
        if (Find(items.Field) is not { } value)
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            return Json.GetString(value) is not { } only ? Refuse<string[]>(items.Field, NoText(items.Field, value)) ?? []
                : Bounded(only, characters) is { } text ? [text] : [];
        }

        if (!items.Allows(value.GetArrayLength()))
        {
            return Refuse<string[]>(items.Field, items.Refusal(Name(items.Field), Count(value))) ?? [];
        }

        var texts = new List<string>(value.GetArrayLength());
        foreach (var item in value.EnumerateArray())
        {
            if (Json.GetString(item) is not { } text)
            {
                return Refuse<string[]>(items.Field, NoText(items.Field, item)) ?? [];
            }

            if (Bounded(text, characters) is null)
            {
                return [];
            }

            texts.Add(text);
        }

        return texts;
    }

    /// <summary>A list of token ids below <paramref name="vocabulary"/>; null where the field is absent.</summary>
    public int[]? Ids(Limit items, int vocabulary)
    {
        if (Find(items.Field) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            return Refuse<int[]>(items.Field, $"`{Name(items.Field)}` must be a list of token ids, but is {Json.Describe(value)}.");
        }

        return items.Allows(value.GetArrayLength())
            ? Ids(items.Field, value, vocabulary, int.MaxValue)
            : Refuse<int[]>(items.Field, items.Refusal(Name(items.Field), Count(value)));
    }

    /// <summary>The last ids of a list that is known to be one, all of which are checked.</summary>
    public int[]? Ids(string field, JsonView list, int vocabulary, int last)
    {
        var length = list.GetArrayLength();
        var skipped = Math.Max(0, length - last);
        var ids = new int[length - skipped];
        var at = -skipped;
        foreach (var item in list.EnumerateArray())
        {
            if (!Json.TryGetInteger(item, out var id) || id < 0 || id >= vocabulary)
            {
                return Refuse<int[]>(
                    field,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"`{Name(field)}` must hold token ids from 0 to {vocabulary - 1}, but holds {Json.Describe(item)}."));
            }

            if (at >= 0)
            {
                ids[at] = (int)id;
            }

            at++;
        }

        return ids;
    }

    /// <summary>A value that a template will see; all of a request's together are bounded.</summary>
    public JsonNode? Copy(JsonView value, string where)
    {
        if (Json.TryCopy(value, ref _left, out var copy))
        {
            return copy;
        }

        var wrong = _left < 0
            ? string.Create(CultureInfo.InvariantCulture, $"brings the values that the template would see to more than {Limits.CopiedValues}.")
            : "has half a surrogate pair, which is no text.";
        return Refuse<JsonNode>(ApiError.Invalid(where, $"`{where}` {wrong}"));
    }

    private string? Bounded(string text, Limit limit) => limit.Allows(text.Length)
        ? text
        : Refuse<string>(limit.Field, limit.Refusal(Name(limit.Field), text.Length.ToString(CultureInfo.InvariantCulture)));

    private string NoText(string field, JsonView value) =>
        $"`{Name(field)}` must be text, but is {Json.Describe(value)}.";

    private static string Count(JsonView list) => list.GetArrayLength().ToString(CultureInfo.InvariantCulture);
}
