using System.Globalization;
using System.IO.Hashing;
using System.Text;
using OrleansLLM.Files;
using OrleansLLM.Models.Configuration;

namespace OrleansLLM.Models.Loading;

/// <summary>
/// 128 bits that tell models apart without reading them: the configuration, and every tensor's name, type, shape and some of its bytes
/// (begin, middle, end). Equal in every process.
/// </summary>
internal static class Fingerprints
{
    private const int SampleBytes = 256;

    public static string Compute(ModelConfig config, IReadOnlyDictionary<string, FileTensor> tensors)
    {
        var hash = new XxHash128();
        hash.Append(Encoding.UTF8.GetBytes(config.Describe()));
        foreach (var tensor in tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            hash.Append(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\n{tensor.Name} {tensor.Type} {tensor.ShapeText}\n")));
            var sample = (int)Math.Min(SampleBytes, tensor.ByteLength);
            hash.Append(tensor.Bytes(0, sample));
            hash.Append(tensor.Bytes((tensor.ByteLength - sample) / 2, sample));
            hash.Append(tensor.Bytes(tensor.ByteLength - sample, sample));
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
